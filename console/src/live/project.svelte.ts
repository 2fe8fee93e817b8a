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
  readonly #open = new Map<string, Job>();
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
      this.#list(changed, jobs);
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

  /** Only jobs that changed are looked at: there are many that are over. */
  #list(changed: ReadonlySet<string>, jobs: ReadonlyMap<string, Job>): void {
    let isOther = false;
    for (const id of changed) {
      const job = jobs.get(id);
      if (job && isOpen(job)) this.#open.set(id, job);
      else if (!this.#open.delete(id)) continue;
      isOther = true;
    }
    if (isOther) this.open = [...this.#open.values()];
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
