/** How a job stands, in words and as a tone of colour. */

import type { Job } from "./types";

export type Tone = "plain" | "going" | "good" | "bad" | "warn";

const phases: Record<string, string> = {
  queued: "Waiting",
  blocked: "Held up",
  retrying: "Trying again",
  submitting: "Sending",
  provider_queue: "In the provider's queue",
  rendering: "Rendering",
  downloading: "Downloading",
  storing: "Storing",
  submit_unknown: "Answer lost",
  canceling: "Stopping",
};

const ends: Record<string, string> = {
  succeeded: "Done",
  failed: "Failed",
  canceled: "Canceled",
  expired: "Expired",
};

/** A phase or status that this build does not know is shown as it is. */
export const wordOf = (job: Pick<Job, "status" | "phase">) =>
  ends[job.status] ?? phases[job.phase ?? ""] ?? job.phase ?? job.status;

export function toneOf(job: Pick<Job, "status" | "phase">): Tone {
  if (job.status === "succeeded") return "good";
  if (job.status === "failed" || job.status === "expired") return "bad";
  if (job.phase === "submit_unknown" || job.phase === "blocked") return "warn";
  return job.status === "running" ? "going" : "plain";
}

/** How far a job is, in percent; null where nobody can say. */
export function percentOf(job: Job): number | null {
  if (job.status === "succeeded") return 100;
  if (job.phase === "downloading" || job.phase === "storing") return 100;
  return job.status === "running" ? (job.progress?.percent ?? null) : null;
}

/** What a job has cost, or will cost if it is accepted. */
export const costOf = (job: Job) => job.cost.actual ?? job.cost.estimated;

const seen: Record<string, string> = {
  no: "not charged",
  yes: "charged",
  unknown: "may be charged",
};
export const chargedWords = (charged: string | null | undefined) =>
  charged ? (seen[charged] ?? charged) : "";
