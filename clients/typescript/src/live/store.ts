/**
 * Store of a project's jobs, kept up to date.
 *
 * Its `subscribe` is the store contract of Svelte; `getSnapshot` is for React. What it publishes is
 * immutable, and comes once per frame of the page at most.
 */
import type { Job } from "../types.js";
import type { LiveEvent, LiveState } from "./events.js";
import { newer, withProgress } from "./merge.js";
import { persistentMap } from "./persistent-map.js";
import { coalesced } from "./publication.js";

export interface JobsSnapshot {
  readonly jobs: ReadonlyMap<string, Job>;
  readonly state: LiveState;
  /** Ids of the jobs that are not as they were in the snapshot before. */
  readonly changed: ReadonlySet<string>;
}

/** What feeds a store: started by the first subscriber, closed with the store. */
export type Source = (store: StoreInput) => { close(): void };

/** What may change a job. */
export type JobChange = Exclude<LiveEvent, { kind: "budget" }>;

export interface StoreInput {
  event(event: JobChange): void;
  state(state: LiveState): void;
  put(job: Job): void;
  readonly jobs: ReadonlyMap<string, Job>;
}

export class JobStore {
  readonly #jobs = new Map<string, Job>();
  #state: LiveState = { name: "connecting" };
  #changed = new Set<string>();
  #snapshot = {
    jobs: persistentMap<Job>(new Map()),
    state: this.#state,
    changed: this.#changed,
  };
  readonly #listeners = new Set<(snapshot: JobsSnapshot) => void>();
  readonly #source: { close(): void };
  readonly #keep: number;
  readonly #publishSoon: () => void = coalesced(() => {
    this.#publish();
  });

  /** @param keep Jobs that are over stay in the store up to this number, the oldest go first. */
  constructor(source: Source, jobs: readonly Job[] = [], keep = 5_000) {
    this.#keep = keep;
    for (const job of jobs) this.put(job);
    this.#publish();
    this.#source = source({
      event: (event) => {
        this.#apply(event);
      },
      state: (state) => {
        this.#state = state;
        this.#publishSoon();
      },
      put: (job) => {
        this.put(job);
      },
      jobs: this.#jobs,
    });
  }

  /** Jobs by id, as last published. */
  get jobs(): ReadonlyMap<string, Job> {
    return this.#snapshot.jobs;
  }

  get state(): LiveState {
    return this.#snapshot.state;
  }

  getSnapshot = (): JobsSnapshot => this.#snapshot;

  /** Told the snapshot at once, and each one that follows. Returns how to stop. */
  subscribe = (listener: (snapshot: JobsSnapshot) => void): (() => void) => {
    this.#listeners.add(listener);
    listener(this.#snapshot);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  /** Take in an answer of the gateway, without waiting for its event. */
  put(job: Job): void {
    const next = newer(this.#jobs.get(job.id), job);
    this.#set(next);
  }

  /** Follow no longer; what is there stays. */
  close(): void {
    this.#source.close();
    this.#state = { name: "closed" };
    this.#publish();
    this.#listeners.clear();
  }

  #apply(event: JobChange): void {
    if (event.kind === "snapshot") {
      for (const id of this.#jobs.keys()) this.#changed.add(id);
      this.#jobs.clear();
      for (const job of event.jobs) this.#set(job);
    } else if (event.kind === "event") {
      this.put(event.job);
    } else {
      const job = withProgress(this.#jobs.get(event.job), event);
      if (job) this.#set(job);
    }
    this.#publishSoon();
  }

  #set(job: Job): void {
    this.#jobs.set(job.id, job);
    this.#changed.add(job.id);
    this.#publishSoon();
  }

  #publish(): void {
    this.#forget();
    const changed = this.#changed;
    const { jobs } = this.#snapshot;
    this.#snapshot = {
      jobs: changed.size ? jobs.with(changed, this.#jobs) : jobs,
      state: this.#state,
      changed,
    };
    this.#changed = new Set();
    for (const listener of [...this.#listeners]) listener(this.#snapshot);
  }

  /** Bound the memory of a page that stays open; a tenth more may be there, so that few calls sort. */
  #forget(): void {
    if (this.#jobs.size <= this.#keep * 1.1) return;
    const over = [...this.#jobs.values()].filter((job) => job.finished_at);
    over.sort((a, b) => ((a.finished_at ?? "") < (b.finished_at ?? "") ? -1 : 1)); // UTC, all of one form
    for (const { id } of over.slice(0, this.#jobs.size - this.#keep)) {
      this.#jobs.delete(id);
      this.#changed.add(id);
    }
  }
}
