/** The gateway that serves this page, by its published client. */

import { Heliograph } from "@heliograph/client";
import { gatewayUrl } from "./path-prefix";
import type * as T from "./types";

let onUnauthenticated: () => void = () => undefined;

/** Call `listener` whenever the gateway does not know who asks. */
export function whenUnauthenticated(listener: () => void): void {
  onUnauthenticated = listener;
}

const watchedFetch: typeof fetch = async (input, init) => {
  const answer = await fetch(input, init);
  if (answer.status === 401) onUnauthenticated();
  return answer;
};

/** Who asks is told by a cookie, which uploads need on the origin of storage, too. */
export const gateway = new Heliograph({
  url: gatewayUrl(),
  fetch: watchedFetch,
  credentials: "include",
});

const clients = new Map<string, Heliograph>();

/** The client of a project; one each, so that its live events share a connection. */
export function clientOf(project: string): Heliograph {
  const known = clients.get(project);
  if (known) return known;
  const client = gateway.withProject(project);
  clients.set(project, client);
  return client;
}

/** A new idempotency key, for a call that may be made again by hand. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export const projects = () => gateway.call("get", "/v1/projects", { query: { limit: 200 } });
export const kinds = () => gateway.call("get", "/v1/kinds", {});
export const lanes = () => gateway.call("get", "/v1/lanes", {});
export const accounts = () => gateway.call("get", "/v1/accounts", {});

/** Models with the JSON Schema of their parameters. */
export async function models(): Promise<T.Model[]> {
  return (await gateway.call("get", "/v1/models", {})).items as unknown as T.Model[];
}

export const laneQueue = (name: string, limit: number) =>
  gateway.call("get", "/v1/lanes/{name}/queue", { path: { name }, query: { limit } });
export const changeLane = (name: string, body: { cap?: number; paused?: boolean }) =>
  gateway.call("patch", "/v1/lanes/{name}", { path: { name }, body });

export const job = (id: string) => gateway.jobs.get(id);
export const events = (id: string) => gateway.jobs.events(id);
export const attempts = (id: string) => gateway.jobs.attempts(id);

/** Ask for a job. The same key is the same job: it cannot be paid twice. */
export const submit = (project: string, request: T.JobRequest, idempotencyKey = newKey()) =>
  clientOf(project).jobs.submit(request, { idempotencyKey });

/** What requests would cost, and when they would run. */
export const quote = (project: string, jobs: T.JobRequest[]) =>
  gateway.call("post", "/v1/projects/{project}/quotes", {
    path: { project },
    body: { jobs: jobs as T.WholeJobRequest[] },
  });

/** Ask for the references of a person. */
export const cast = (
  project: string,
  person: string,
  body: T.CastRequest,
  idempotencyKey = newKey(),
) =>
  gateway.call(
    "put",
    "/v1/projects/{project}/cast/{person}/refs",
    { path: { project, person }, body },
    { idempotencyKey },
  );
