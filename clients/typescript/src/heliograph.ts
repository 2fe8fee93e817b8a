/**
 * Client of Heliograph: jobs that are never paid twice, and live events that are never missed.
 *
 *     const helio = new Heliograph({ url: "http://127.0.0.1:8080", project: "demo" });
 *     const done = await helio.jobs.run({ kind: "portrait", prompt: "a lighthouse keeper" });
 */
export { Heliograph } from "./client.js";
export { JobFailed, NotReachable, Refused } from "./errors.js";
export { isFinal } from "./types.js";
export type * from "./types.js";
export type { CallOptions, HeliographOptions, PaidCallOptions } from "./options.js";
export type { Answer, WithResponse } from "./http/answer.js";
export type { Pages } from "./http/pages.js";
export type { WaitOptions } from "./jobs.js";
export type { LiveEvent, LiveState } from "./live/events.js";
export type { FollowOptions, IterateOptions, WatchOptions } from "./live/live.js";
export type { JobsSnapshot, JobStore } from "./live/store.js";
export type { UploadOptions, UploadProgress } from "./uploads.js";
export type { components, operations, paths } from "./generated/gateway.js";
