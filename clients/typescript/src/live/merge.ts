/** How a job in a store changes: answers, events and progress race, and the newest wins. */
import { isFinal, type Job } from "../types.js";
import type { LiveEvent } from "./events.js";

type ProgressEvent = Extract<LiveEvent, { kind: "progress" }>;

/** The newer of two views of a job; the progress that is known stays while the job runs. */
export function newer(known: Job | undefined, job: Job): Job {
  if (!known) return job;
  if (job.revision < known.revision) return known;
  if (job.progress || isFinal(job) || job.attempt !== known.attempt) return job;
  return { ...job, progress: known.progress };
}

/** The job with its progress; undefined when it is over, or not known. */
export function withProgress(known: Job | undefined, event: ProgressEvent): Job | undefined {
  if (!known || isFinal(known)) return undefined;
  return { ...known, phase: event.phase, progress: event.progress };
}
