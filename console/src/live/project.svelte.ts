/** The jobs of one project as they change: each job is a reactive value of its own. */

import { isFinal, type JobStore } from "@heliograph/client";
import { SvelteMap } from "svelte/reactivity";
import { clientOf } from "./api";
import type { Job, LiveState } from "./types";

export const isOpen = (job: Job) => !isFinal(job);

type Listener = (job: Job, before: Job | undefined) => void;

/** Follows a project from its construction until `close`. */
export class LiveProject {
  readonly jobs = new SvelteMap<string, Job>();
  connection = $state.raw<LiveState>({ name: "connecting" });
  readonly open = $derived([...this.jobs.values()].filter(isOpen));
  readonly #store: JobStore;
  readonly #listeners = new Set<Listener>();

  constructor(readonly name: string) {
    this.#store = clientOf(name).live.watch();
    this.#store.subscribe(({ jobs, state, changed }) => {
      this.connection = state;
      for (const id of changed) {
        const job = jobs.get(id);
        if (job) this.#change(job);
        else this.jobs.delete(id);
      }
    });
  }

  /** Take in an answer of the gateway, without waiting for its event. */
  take(job: Job): void {
    this.#store.put(job);
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
    this.#store.close();
  }

  #change(job: Job): void {
    const before = this.jobs.get(job.id);
    this.jobs.set(job.id, job);
    for (const listener of this.#listeners) listener(job, before);
  }
}
