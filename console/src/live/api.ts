import { call, newKey, query, Refused } from "./http";
import type * as T from "./types";

type Query = Record<string, string | number | undefined>;
const at = (project: string) => `/v1/projects/${encodeURIComponent(project)}`;

export const index = () =>
  call<{ version?: string; auth?: string; links: Record<string, string> }>("GET", "/v1");
export const projects = () => call<T.Page<T.ProjectSummary>>("GET", "/v1/projects");
export const slots = (project: string, cursor?: string) =>
  call<T.SlotPage>("GET", `${at(project)}/slots${query({ cursor, limit: 200 })}`);
export const slot = (project: string, name: string) =>
  call<T.SlotVersions>("GET", `${at(project)}/slots/${name}`);
export const restore = (project: string, name: string, version: number) =>
  call<T.SlotVersions>("POST", `${at(project)}/restore`, { slot: name, version });
export const jobs = (project: string, filter: Query) =>
  call<T.Page<T.Job> & { counts?: Partial<Record<T.Status, number>> }>(
    "GET",
    `${at(project)}/jobs${query(filter)}`,
  );
export const job = (id: string) => call<T.Job>("GET", `/v1/jobs/${id}`);
export const events = (id: string) => call<T.Page<T.JobEvent>>("GET", `/v1/jobs/${id}/events`);
export const attempts = (id: string) => call<T.Page<T.Attempt>>("GET", `/v1/jobs/${id}/attempts`);
export const cancelCharge = (id: string) =>
  call<{ charged: T.Charged }>("GET", `/v1/jobs/${id}/cancel`);
export const cancel = (id: string) =>
  call<T.Job>("POST", `/v1/jobs/${id}/cancel`, { mode: "stop" });
export const retry = (id: string, body: object, key = newKey()) =>
  call<T.Job>("POST", `/v1/jobs/${id}/retry`, body, key);
export const submit = (project: string, request: T.JobRequest, key = newKey()) =>
  call<T.Job>("POST", `${at(project)}/jobs`, request, key);
export const cast = (project: string, person: string, body: object, key = newKey()) =>
  call<{ jobs: { a?: T.Job; b?: T.Job } }>("PUT", `${at(project)}/cast/${person}/refs`, body, key);
export const preview = (project: string, body: object) =>
  call<T.Preview>("POST", `${at(project)}/actions`, { ...body, dry_run: true });
export const act = (project: string, body: object, key = newKey()) =>
  call<T.ActionReport>("POST", `${at(project)}/actions`, body, key);
export const models = () => call<T.Page<T.Model>>("GET", "/v1/models");
export const kinds = () => call<T.Page<T.Kind>>("GET", "/v1/kinds");
export const lanes = () => call<T.Page<T.Lane>>("GET", "/v1/lanes");
export const laneQueue = (name: string) =>
  call<T.Page<T.WaitingJob>>("GET", `/v1/lanes/${name}/queue?limit=20`);
export const changeLane = (name: string, change: object) =>
  call<T.Lane>("PATCH", `/v1/lanes/${name}`, change);
export const accounts = () => call<T.Page<T.Account>>("GET", "/v1/accounts");
export const usage = (project: string, by: string) =>
  call<T.Usage>("GET", `${at(project)}/usage${query({ by })}`);
export const budget = (project: string) => call<T.Budget>("GET", `${at(project)}/budget`);

/** Store a file of the user's, under its SHA-256. `onProgress` gets a share from 0 to 1. */
export async function upload(
  project: string,
  file: File,
  onProgress: (share: number) => void,
): Promise<T.Reference> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const { links } = await index();
  const url = links
    .uploads!.replace("{project}", encodeURIComponent(project))
    .replace("{hex}", hex);
  await new Promise<void>((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", url);
    request.upload.onprogress = (event) => onProgress(event.loaded / event.total);
    request.onload = () =>
      request.status < 300 ? resolve() : reject(refusal(request.responseText));
    request.onerror = () => reject(new Error("The storage service does not answer."));
    request.send(file);
  });
  return { upload: `sha256:${hex}` };
}

function refusal(text: string): Error {
  try {
    return new Refused(JSON.parse(text) as T.Problem);
  } catch {
    return new Error("The storage service refused the file.");
  }
}
