/** The filter of the list of jobs. It is the query of the address, and the query of the API. */

import type { Job } from "../live/types";

export interface Filter {
  status: string;
  kind: string;
  model: string;
  slot: string;
  q: string;
}

const NAMES = ["status", "kind", "model", "slot", "q"] as const;

export function filterOf(query: URLSearchParams): Filter {
  return Object.fromEntries(
    NAMES.map((name) => [name, query.get(name) ?? ""]),
  ) as unknown as Filter;
}

/** Whether a job that changed belongs to the list. The server decides what words mean; here they are looked for as written. */
export function matches(job: Job, filter: Filter): boolean {
  const { status, kind, model, slot, q } = filter;
  if (status && !status.split(",").includes(job.status)) return false;
  if ((kind && job.kind !== kind) || (model && job.model !== model)) return false;
  if (slot && !job.slot?.startsWith(slot)) return false;
  return !q || job.prompt.toLowerCase().includes(q.toLowerCase());
}
