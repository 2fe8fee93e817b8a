/** Feed of one subscription: its events and its state, over any break, as fast as they are taken. */
import { Refused } from "../errors.js";
import type { Cursor, ServerFrame } from "../types.js";
import type { Connection, Subscriber } from "./connection.js";
import type { LiveEvent, LiveState } from "./events.js";
import { Replay } from "./replay.js";

const RESUBSCRIBE_AFTER = 1_000; // milliseconds, when the service could not serve it right now

export interface FeedRequest {
  project: string;
  /** Named jobs of the project, at most 300. Default: all. */
  jobs?: readonly string[] | undefined;
  /** Where to go on. Default: a snapshot comes first. */
  after?: Cursor | undefined;
  /** Also hear when the project has spent a part of a limit. */
  budget?: boolean | undefined;
}

export interface FeedListener {
  event(event: LiveEvent): void;
  state(state: LiveState): void;
}

export class Feed implements Subscriber {
  readonly project: string;
  readonly jobs: readonly string[] | undefined;
  readonly budget: boolean;
  readonly #connection: Connection;
  readonly #listener: FeedListener;
  readonly #replay: Replay;
  #id: number | undefined;
  #told: LiveState["name"] | undefined;
  #isOver = false;
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(connection: Connection, request: FeedRequest, listener: FeedListener) {
    this.project = request.project;
    this.jobs = request.jobs;
    this.budget = request.budget ?? false;
    this.#replay = new Replay(request.after);
    this.#connection = connection;
    this.#listener = listener;
    this.resume();
  }

  get after(): Cursor | undefined {
    return this.#replay.after;
  }

  /** No more events for now; what is missed comes after `resume`. */
  pause(): void {
    clearTimeout(this.#again);
    if (this.#id !== undefined) this.#connection.remove(this.#id);
    this.#id = undefined;
  }

  resume(): void {
    if (!this.#isOver) this.#id ??= this.#connection.add(this);
  }

  frame(frame: ServerFrame): void {
    if (frame.op === "error") {
      this.#refuse(new Refused(frame.problem));
      return;
    }
    const event = this.#replay.read(frame);
    if (event) this.#listener.event(event);
    const state = this.#replay.state();
    if (state && !(state.name === "live" && this.#told === "live")) this.link(state);
  }

  link(state: LiveState): void {
    this.#told = state.name;
    if (state.name === "closed") this.#isOver = true;
    this.#listener.state(state);
  }

  #refuse(error: Refused): void {
    this.pause();
    if (!error.retryable) {
      this.link({ name: "closed", error });
      return;
    }
    this.#again = setTimeout(() => {
      this.resume();
    }, RESUBSCRIBE_AFTER);
  }
}
