/** The jobs of one project as they change: each job is a reactive value of its own. */

import { SvelteMap } from "svelte/reactivity";
import { watchProject, type Connection, type Watch } from "./watch";
import type { Job } from "./types";

export const isOpen = (job: Job) => job.status === "queued" || job.status === "running";

type Listener = (job: Job, before: Job | undefined) => void;

/** Follows a project from its construction until `close`. */
export class LiveProject {
  readonly jobs = new SvelteMap<string, Job>();
  connection = $state.raw<Connection>({ state: "connecting" });
  readonly open = $derived([...this.jobs.values()].filter(isOpen));
  readonly #watch: Watch;
  readonly #listeners = new Set<Listener>();

  constructor(readonly name: string) {
    this.#watch = watchProject(name, {
      jobs: (changed) => changed.forEach((job) => this.take(job)),
      connection: (connection) => (this.connection = connection),
    });
  }

  /** Keep a job unless a newer revision of it is known. */
  take(job: Job): void {
    const before = this.jobs.get(job.id);
    if (before && before.revision > job.revision) return;
    this.jobs.set(job.id, job);
    for (const listener of this.#listeners) listener(job, before);
  }

  /** The newest known state of a job. */
  newest(job: Job): Job {
    const known = this.jobs.get(job.id);
    return known && known.revision >= job.revision ? known : job;
  }

  /** Call `listener` with each change, until the returned function is called. */
  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#watch.close();
  }
}
