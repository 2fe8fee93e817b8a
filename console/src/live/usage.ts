/** What a project has made and spent, and what it may spend. */

import { gateway } from "./api";
import type { Budget, SetBudget, UsageReport } from "./types";

export type Way = UsageReport["by"][number];

/** Usage added up by one of its ways, of jobs that were accepted since a day ("2026-11-30"). */
export async function usage(project: string, by: Way, since: string): Promise<UsageReport> {
  const ask = (cursor?: string) =>
    gateway.call("get", "/v1/projects/{project}/usage", {
      path: { project },
      query: { by, since, time_zone: TIME_ZONE, ...(cursor && { cursor }) },
    });
  const report = await ask();
  for (let next = report.next; next;) {
    const page = await ask(next);
    report.items.push(...page.items);
    next = page.next;
  }
  return report;
}

/** Of the person who looks: a day is theirs. */
const TIME_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

export const budget = (project: string): PromiseLike<Budget> =>
  gateway.call("get", "/v1/projects/{project}/budget", { path: { project } });

/** Replace the budget as a whole: what is null has no limit. */
export const setBudget = (project: string, body: SetBudget): PromiseLike<Budget> =>
  gateway.call("put", "/v1/projects/{project}/budget", { path: { project }, body });
