/** Shapes of the API under short names; fields are named as on the wire. */
import type { ProblemCode } from "./generated/codes.js";
import type { components, operations } from "./generated/gateway.js";
import type { components as Live } from "./generated/status.js";
import type { components as Stored } from "./generated/storage.js";

type Schemas = components["schemas"];
type Filters = NonNullable<operations["listJobs"]["parameters"]["query"]>;

export type { ProblemCode };
export type Job = Schemas["Job"];
export type Asset = Schemas["Asset"];
export type Problem = Schemas["Problem"];
export type NextAction = Schemas["NextAction"];
export type Reference = Schemas["Reference"];
export type Batch = Schemas["Batch"];
export type Index = Schemas["Index"];
export type Lane = Schemas["LaneState"];
export type Account = Schemas["AccountState"];
export type Model = Schemas["ListedModel"];
export type Kind = Schemas["ListedKind"];
export type Slot = Schemas["ListedSlot"];
export type SlotVersions = Schemas["SlotVersions"];
export type SlotList = Schemas["SlotList"];
export type JobList = Schemas["JobList"];
export type Progress = Schemas["Progress"];
export type ActionRequest = Schemas["ActionRequest"];
export type ActionPreview = Schemas["RetryPreview"] | Schemas["CancelPreview"];
export type Upload = Stored["schemas"]["Upload"];

/** A request whose references may be bytes: these are uploaded first. */
export type WithBlobs<T extends { references?: Reference[] }> = Omit<T, "references"> & {
  references?: (Reference | Blob)[];
};
export type JobRequest = WithBlobs<Schemas["JobRequest"]>;
export type CastRequest = WithBlobs<Schemas["CastRequest"]>;

/** Filters of a list of jobs; labels and parameters are objects, as `{ tag: { show: "s1" } }`. */
export type JobFilters = Omit<Filters, "cursor" | "tag" | "param"> & {
  tag?: Record<string, string>;
  param?: Record<string, string>;
};

/** Place in the event log: where a client goes on. */
export interface Cursor {
  epoch: string;
  sequence: number;
}

type Frames = Live["schemas"];
export type ServerFrame = Frames[
  | "Subscribed"
  | "Snapshot"
  | "CaughtUp"
  | "EventFrame"
  | "ProgressFrame"
  | "BudgetFrame"
  | "ErrorFrame"
  | "Pong"];
/** A project has spent a part of a limit of its budget. */
export type BudgetReached = Omit<Frames["BudgetFrame"], "op" | "id">;

const FINAL: ReadonlySet<Job["status"]> = new Set(["succeeded", "failed", "canceled", "expired"]);

/** Whether a job has ended; nothing but its results changes after that. */
export function isFinal(job: Job): boolean {
  return FINAL.has(job.status);
}
