/** The filter and the order of the list of jobs. They are the query of the address, and the query of the API. */

import type { Job } from "../live/types";

export interface Filter {
  status: string;
  kind: string;
  model: string;
  slot: string;
  q: string;
  /** The day with which the list begins, of the person who looks: "2026-11-30". */
  day: string;
}

export const ORDERS = { newest: "Newest first", oldest: "Oldest first", ended: "Ended last first" };
export type Order = keyof typeof ORDERS;

const NAMES = ["status", "kind", "model", "slot", "q"] as const;
const DAY = /^\d{4}-\d\d-\d\d$/;

export function filterOf(query: URLSearchParams): Filter {
  const given = NAMES.map((name) => [name, query.get(name) ?? ""]);
  const day = query.get("day") ?? "";
  return { ...Object.fromEntries(given), day: DAY.test(day) ? day : "" } as Filter;
}

/** The order in an address; one that the API does not know is the newest first. */
export function orderOf(query: URLSearchParams): Order {
  const asked = query.get("order") ?? "";
  return asked in ORDERS ? (asked as Order) : "newest";
}

/** What decides about a job's place in a list; empty while it has none. */
export const placeOf = (job: Job, order: Order) =>
  (order === "ended" ? job.finished_at : job.created_at) ?? "";

/** The query of the address of a list. */
export const queryOf = (filter: Filter, order: Order) =>
  new URLSearchParams([
    ...Object.entries(filter).filter(([, value]) => value),
    ...(order === "newest" ? [] : [["order", order] as [string, string]]),
  ]);

interface Span {
  created_after?: string;
  created_before?: string;
}

/** When jobs were asked for that a list shows: until the end of its day, or since its beginning where the oldest come first. */
export function spanOf(day: string, order: Order): Span {
  if (!day) return {};
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  if (order === "oldest") return { created_after: new Date(year, month - 1, date).toISOString() };
  return { created_before: new Date(year, month - 1, date + 1).toISOString() };
}

/** The query of the API for a list. */
export function apiQueryOf(filter: Filter, order: Order): Record<string, string> {
  const { day, ...others } = filter;
  const given = Object.entries(others).filter(([, value]) => value);
  return {
    ...Object.fromEntries(given),
    ...spanOf(day, order),
    ...(order === "newest" ? {} : { order }),
  };
}

/** Whether a job that changed belongs to the list. The server decides what words mean; here they are looked for as written. */
export function matches(job: Job, filter: Filter, order: Order): boolean {
  const { status, kind, model, slot, q, day } = filter;
  if (day && !isWithin(spanOf(day, order), job.created_at)) return false;
  if (status && !status.split(",").includes(job.status)) return false;
  if ((kind && job.kind !== kind) || (model && job.model !== model)) return false;
  if (slot && !job.slot?.startsWith(slot)) return false;
  return !q || job.prompt.toLowerCase().includes(q.toLowerCase());
}

function isWithin({ created_after: since, created_before: until }: Span, instant: string): boolean {
  const at = Date.parse(instant);
  return !(since && at < Date.parse(since)) && !(until && at > Date.parse(until));
}
