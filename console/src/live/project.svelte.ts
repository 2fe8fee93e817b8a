/** The jobs of one project as they change: each job is a reactive value of its own. */

import { type BudgetReached, isFinal, type JobStore } from "@heliograph/client";
import { SvelteMap } from "svelte/reactivity";
import { clientOf } from "./api";
import type { Job, LiveState } from "./types";

export const isOpen = (job: Job) => !isFinal(job);

type Listener = (job: Job, before: Job | undefined) => void;

/** Follows a project from its construction until `close`. */
export class LiveProject {
  readonly jobs = new SvelteMap<string, Job>();
  connection = $state.raw<LiveState>({ name: "connecting" });
  /** Jobs that are not over, in the order in which they came. */
  open = $state.raw<readonly Job[]>([]);
  /** The part of its budget that the project has reached last, since it is followed. */
  reached = $state.raw<BudgetReached | null>(null);
  /** What was published before: read without becoming reactive. */
  #before: ReadonlyMap<string, Job> = new Map();
  readonly #store: JobStore;
  readonly #listeners = new Set<Listener>();

  /** @param hearsOfBudget Whether somebody who may see usage follows it. */
  constructor(
    readonly name: string,
    hearsOfBudget: boolean,
  ) {
    this.#store = clientOf(name).live.watch({
      ...(hearsOfBudget && { onBudget: (reached: BudgetReached) => (this.reached = reached) }),
    });
    this.#store.subscribe(({ jobs, state, changed }) => {
      if (this.connection !== state) this.connection = state;
      const before = this.#before;
      this.#before = jobs;
      this.#list(changed, before, jobs);
      for (const id of changed) this.#change(id, before.get(id), jobs.get(id));
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

  /** Look through all jobs only when one of those that changed is open, or was. */
  #list(
    changed: ReadonlySet<string>,
    before: ReadonlyMap<string, Job>,
    jobs: ReadonlyMap<string, Job>,
  ): void {
    const matters = (job: Job | undefined) => job !== undefined && isOpen(job);
    for (const id of changed) {
      if (!matters(before.get(id)) && !matters(jobs.get(id))) continue;
      this.open = [...jobs.values()].filter(isOpen);
      return;
    }
  }

  #change(id: string, before: Job | undefined, job: Job | undefined): void {
    if (!job) {
      this.jobs.delete(id);
      return;
    }
    this.jobs.set(id, job);
    for (const listener of this.#listeners) listener(job, before);
  }
}
