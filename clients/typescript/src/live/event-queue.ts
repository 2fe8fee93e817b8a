/** Bounded buffer between a feed and its reader. Of progress, only the latest of a job is kept. */
import type { LiveEvent } from "./events.js";

export class EventQueue {
  readonly #limit: number;
  #events: LiveEvent[] = [];
  #ready: (() => void) | undefined;
  #error: Error | undefined;
  #isClosed = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get isFull(): boolean {
    return this.#events.length >= this.#limit;
  }

  get isEmpty(): boolean {
    return this.#events.length === 0;
  }

  put(event: LiveEvent): void {
    if (event.kind === "progress") {
      this.#events = this.#events.filter(
        (each) => !(each.kind === "progress" && each.job === event.job),
      );
    }
    this.#events.push(event);
    this.#ready?.();
  }

  /** No more events come; those that are there can still be taken. */
  close(error?: Error): void {
    this.#isClosed = true;
    this.#error = error;
    this.#ready?.();
  }

  /** The next event, waited for. Undefined at the end; throws the error it was closed with. */
  async take(): Promise<LiveEvent | undefined> {
    while (this.isEmpty && !this.#isClosed) {
      await new Promise<void>((resolve) => (this.#ready = resolve));
    }
    const event = this.#events.shift();
    if (!event && this.#error) throw this.#error;
    return event;
  }
}
