/** Polling: the fallback of a store that gets no live connection, for as long as it gets none. */
import { sleep } from "../http/backoff.js";
import { isFinal, type Job } from "../types.js";
import type { StoreInput } from "./store.js";

export const POLL_EVERY = 5_000; // milliseconds
export const POLL_AFTER = 3; // failures in a row
const NAMED = 50; // jobs asked for one by one in a round, at most

export interface JobReader {
  /** The newest jobs of the project. */
  newest(signal: AbortSignal): Promise<Job[]>;
  get(job: string, signal: AbortSignal): Promise<Job>;
}

export class Poller {
  readonly #reader: JobReader;
  readonly #store: StoreInput;
  readonly #named: readonly string[] | undefined;
  #ended: AbortController | undefined;

  constructor(reader: JobReader, store: StoreInput, named?: readonly string[]) {
    this.#reader = reader;
    this.#store = store;
    this.#named = named;
  }

  get isRunning(): boolean {
    return this.#ended !== undefined;
  }

  start(): void {
    if (this.#ended) return;
    this.#ended = new AbortController();
    void this.#run(this.#ended.signal);
  }

  stop(): void {
    this.#ended?.abort();
    this.#ended = undefined;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#round(signal).catch(() => undefined); // the next round comes
      await sleep(POLL_EVERY, signal).catch(() => undefined);
    }
  }

  async #round(signal: AbortSignal): Promise<void> {
    const newest = this.#named ? [] : await this.#reader.newest(signal);
    const seen = new Set(newest.map((job) => job.id));
    const others = this.#named ?? [...this.#store.jobs.keys()];
    const open = others.filter((id) => {
      const job = this.#store.jobs.get(id);
      return !seen.has(id) && !(job && isFinal(job));
    });
    for (const job of newest) this.#store.put(job);
    await Promise.allSettled(
      open.slice(0, NAMED).map(async (id) => {
        this.#store.put(await this.#reader.get(id, signal));
      }),
    );
  }
}
