/**
 * The price of a request while it is being written: asked for when the request changes, and again
 * before its quotes expire. What is shown is what a request is bound to.
 */

import type { JobRequest, QuoteList } from "../live/types";
import { money } from "../words/format";
import { totalOf } from "./price";

/** Asks the gateway for quotes. */
export type AskForQuotes = (jobs: JobRequest[]) => PromiseLike<QuoteList>;

const SETTLED_AFTER = 400; // milliseconds without a change: nobody waits for a price while they write
const RENEWED_BEFORE = 30_000; // milliseconds before the end of a quote
const RENEWED_EVERY = 15_000; // milliseconds: positions move while somebody reads

export class Quotation {
  /** The last answer; of an earlier request while `isStale`. */
  quotes = $state.raw<QuoteList | null>(null);
  /** Why there is no price. */
  error = $state.raw<unknown>(null);
  isStale = $state(true);
  #jobs: JobRequest[] = [];
  #written = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #turn = 0;
  #isClosed = false;

  constructor(readonly ask: AskForQuotes) {}

  /** What is being written now. Nothing is asked while there are no requests. */
  write(jobs: JobRequest[]): void {
    const written = JSON.stringify(jobs);
    if (written === this.#written) return;
    [this.#jobs, this.#written] = [jobs, written];
    this.isStale = true;
    if (!jobs.length) this.quotes = null;
    this.#turn++; // an answer on its way is to another request
    this.#later(SETTLED_AFTER);
  }

  /**
   * Quotes of the present requests that hold for a while. Throws what the gateway says against them.
   */
  async current(): Promise<QuoteList> {
    if (this.quotes && !this.isStale && holds(this.quotes)) return this.quotes;
    await this.#renew();
    if (this.#isClosed) throw new Error("Nothing was sent.");
    if (this.isStale) return this.current(); // it was changed meanwhile
    if (!this.quotes) throw this.error;
    return this.quotes;
  }

  /** As `current`, for who has seen the price that is shown. Throws when it is higher now. */
  async agreed(): Promise<QuoteList> {
    const seen = this.quotes ? totalOf(this.quotes) : 0;
    const quotes = await this.current();
    if (totalOf(quotes) <= seen) return quotes;
    throw new Error(`It costs ${money(totalOf(quotes))} now. Press again if that is right.`);
  }

  /** The quotes that are there are of no use: the gateway said so. */
  forget(): void {
    this.isStale = true;
    this.#later(0);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#turn++;
  }

  #later(pause: number): void {
    clearTimeout(this.#timer);
    if (this.#jobs.length) this.#timer = setTimeout(() => void this.#renew(), pause);
  }

  async #renew(): Promise<void> {
    const turn = ++this.#turn;
    try {
      const quotes = await this.ask(this.#jobs);
      if (turn !== this.#turn) return;
      [this.quotes, this.error, this.isStale] = [quotes, null, false];
    } catch (error) {
      if (turn !== this.#turn) return;
      [this.quotes, this.error, this.isStale] = [null, error, false];
    }
    this.#later(RENEWED_EVERY);
  }
}

/** Whether quotes are good for long enough to send what they are for. */
function holds({ expires_at }: QuoteList): boolean {
  return Date.parse(expires_at) - RENEWED_BEFORE > Date.now();
}
