/** The filter and the order of the list of jobs. They are the query of the address, and the query of the API. */

import type { Job } from "../live/types";

export interface Filter {
  status: string;
  kind: string;
  model: string;
  slot: string;
  q: string;
}

export const ORDERS = { newest: "Newest first", oldest: "Oldest first", ended: "Ended last first" };
export type Order = keyof typeof ORDERS;

const NAMES = ["status", "kind", "model", "slot", "q"] as const;

export function filterOf(query: URLSearchParams): Filter {
  return Object.fromEntries(
    NAMES.map((name) => [name, query.get(name) ?? ""]),
  ) as unknown as Filter;
}

/** The order in an address; one that the API does not know is the newest first. */
export function orderOf(query: URLSearchParams): Order {
  const asked = query.get("order") ?? "";
  return asked in ORDERS ? (asked as Order) : "newest";
}

/** What decides about a job's place in a list; empty while it has none. */
export const placeOf = (job: Job, order: Order) =>
  (order === "ended" ? job.finished_at : job.created_at) ?? "";

/** The query of the API for a list, and that of its address. */
export const queryOf = (filter: Filter, order: Order) =>
  new URLSearchParams([
    ...Object.entries(filter).filter(([, value]) => value),
    ...(order === "newest" ? [] : [["order", order] as [string, string]]),
  ]);

/** Whether a job that changed belongs to the list. The server decides what words mean; here they are looked for as written. */
export function matches(job: Job, filter: Filter): boolean {
  const { status, kind, model, slot, q } = filter;
  if (status && !status.split(",").includes(job.status)) return false;
  if ((kind && job.kind !== kind) || (model && job.model !== model)) return false;
  if (slot && !job.slot?.startsWith(slot)) return false;
  return !q || job.prompt.toLowerCase().includes(q.toLowerCase());
}
