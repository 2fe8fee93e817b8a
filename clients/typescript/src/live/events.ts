/** What a follower is told. */
import type { BudgetReached, Cursor, Job, Progress } from "../types.js";

export type LiveEvent =
  /** Jobs as they stand at the start, or again when too much was missed: forget what was before. */
  | { kind: "snapshot"; jobs: Job[]; cursor: Cursor }
  /** What happened: once, in order. `cursor` is where to go on from another time. */
  | { kind: "event"; type: string; job: Job; cursor: Cursor }
  /** How far a job is; no event of the log, and the latest one counts. */
  | { kind: "progress"; job: string; phase: string; progress: Progress }
  /** A part of a limit is spent; for those who follow with `budget`. It has no cursor, and is not told again. */
  | { kind: "budget"; reached: BudgetReached };

export type LiveState =
  | { name: "connecting" }
  /** Connected again; `seen` of the `missed` events are here. */
  | { name: "catching_up"; missed: number; seen: number }
  /** All that was missed is here; `restarted`: as a snapshot, because it was too much. */
  | { name: "live"; missed: number; restarted: boolean }
  /** The connection is lost; the next try is at `until`, in milliseconds since 1970. */
  | { name: "waiting"; until: number; failures: number; reason: string }
  /** No live connection is to be had; jobs are asked for every so many milliseconds. */
  | { name: "polling"; every: number }
  /** For good: by the caller, or because the service refuses. */
  | { name: "closed"; error?: Error };
