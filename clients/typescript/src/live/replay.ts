/**
 * Where one subscription stands: frames in, events out. It neither waits nor sends.
 *
 * Events come once and in order, also over connections: the cursor that the next connection goes on
 * from is that of the last event handed out.
 */
import type { Cursor, Job, ServerFrame } from "../types.js";
import type { LiveEvent, LiveState } from "./events.js";

type Framed<Op extends ServerFrame["op"]> = Extract<ServerFrame, { op: Op }>;

export class Replay {
  after: Cursor | undefined;
  #epoch = "";
  #pages: Job[] = [];
  #restarted = false;
  #missed = 0;
  #seen = 0;
  #isCaughtUp = false;
  /** Jobs that a snapshot showed later than it is of: its pages are read one by one. */
  readonly #shown = new Map<string, number>();

  constructor(after?: Cursor) {
    this.after = after;
  }

  /** The event in a frame, if there is one. */
  read(frame: ServerFrame): LiveEvent | undefined {
    switch (frame.op) {
      case "subscribed":
        this.#start(frame);
        return undefined;
      case "snapshot":
        return this.#snapshot(frame);
      case "event":
        return this.#event(frame);
      case "caught_up":
        this.#isCaughtUp = true;
        this.after = { epoch: this.#epoch, sequence: frame.sequence };
        return undefined;
      case "progress":
        return { kind: "progress", job: frame.job, phase: frame.phase, progress: frame.progress };
      case "budget":
        return { kind: "budget", reached: frame };
      default:
        return undefined;
    }
  }

  /** How far it has caught up. Undefined while a snapshot is not complete. */
  state(): LiveState | undefined {
    const seen = this.#seen;
    if (this.#isCaughtUp) return { name: "live", missed: seen, restarted: this.#restarted };
    if (this.#missed === 0) return undefined;
    return { name: "catching_up", missed: this.#missed, seen };
  }

  #start(frame: Framed<"subscribed">): void {
    this.#epoch = frame.epoch;
    this.#restarted = !frame.recovered && this.after !== undefined;
    this.#missed = frame.missed ?? 0;
    this.#seen = 0;
    this.#isCaughtUp = false;
    this.#pages = [];
    if (!frame.recovered) {
      this.after = undefined;
      this.#shown.clear();
    }
  }

  #snapshot({ jobs, sequence, more }: Framed<"snapshot">): LiveEvent | undefined {
    this.#pages.push(...jobs);
    if (more) return undefined;
    for (const job of this.#pages) {
      if ((job.sequence ?? 0) > sequence) this.#shown.set(job.id, job.sequence ?? 0);
    }
    const cursor = { epoch: this.#epoch, sequence };
    const snapshot: LiveEvent = { kind: "snapshot", jobs: this.#pages, cursor };
    this.after = cursor;
    this.#pages = [];
    return snapshot;
  }

  #event({ type, job, sequence }: Framed<"event">): LiveEvent | undefined {
    if (this.after && sequence <= this.after.sequence) return undefined;
    if (!this.#isCaughtUp && this.#missed > 0) this.#seen++;
    const cursor = { epoch: this.#epoch, sequence };
    this.after = cursor;
    if (sequence <= (this.#shown.get(job.id) ?? 0)) return undefined;
    this.#shown.delete(job.id);
    return { kind: "event", type, job, cursor };
  }
}
