// What a program writes that uses the generated types; `tsc --strict` checks it.
import type { components, operations } from "./gateway.js";
import type { components as Status } from "./status.js";
import type { components as Storage } from "./storage.js";

type Schemas = components["schemas"];
type JobList = operations["listJobs"]["responses"][200]["content"]["application/json"];
type Filters = NonNullable<operations["listJobs"]["parameters"]["query"]>;
type Headers = NonNullable<operations["createJob"]["parameters"]["header"]>;
type Busy = operations["createJob"]["responses"][409]["content"]["application/problem+json"];

// what has a default may be left out of a request
export const request: Schemas["JobRequest"] = { kind: "portrait", prompt: "a lighthouse keeper" };
export const headers: Headers = { "Idempotency-Key": "order-4711" };
export const filters: Filters = { status: "failed", tag: { "tag.show": "s1" }, limit: 10 };

// and is there in every answer
export const addresses = (page: JobList): (string | null)[] =>
  page.items.flatMap((job) => job.assets.map((asset) => asset.url));
export const reason = (problem: Busy): string => problem.next_actions[0]?.label ?? problem.detail;
export const width = (upload: Storage["schemas"]["Upload"]): number => upload.width ?? 0;

type Frame = Status["schemas"]["EventFrame"] | Status["schemas"]["ProgressFrame"];
export const phase = (frame: Frame): string =>
  frame.op === "event" ? frame.job.phase : frame.phase;

// @ts-expect-error a job needs a prompt
export const incomplete: Schemas["JobRequest"] = { kind: "portrait" };
