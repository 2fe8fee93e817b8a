/** Usage and budgets, which a gateway may not add up: it answers 404 then. */

import { gateway } from "./api";

export interface Usage {
  items: Record<string, unknown>[];
}

export interface Budget {
  limit: string | null;
  reserved: string; // US dollars
  spent: string; // US dollars
}

/** The published document does not name these paths: their answers are typed here. */
const ask = (path: string, project: string, query = {}) =>
  gateway.call("get", path as "/v1/lanes", { path: { project }, query } as object);

export async function usage(project: string, by: string): Promise<Usage> {
  return (await ask("/v1/projects/{project}/usage", project, { by })) as unknown as Usage;
}

export async function budget(project: string): Promise<Budget> {
  return (await ask("/v1/projects/{project}/budget", project)) as unknown as Budget;
}
