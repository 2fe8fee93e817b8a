/** What a budget says about an amount that somebody is about to spend. */

import type { Budget, SetBudget } from "../live/types";
import { moment, money } from "../words/format";

export type BudgetWindow = Budget["windows"][number];

/** A window that has less left than an amount. */
export interface Shortfall {
  window: BudgetWindow;
  amount: number; // US dollars
}

/** Parts of a limit, in percent, at which everybody who follows the project is told. */
export const THRESHOLDS: readonly number[] = [50, 80, 100];

const names: Record<string, string> = {
  day: "budget of the day",
  month: "budget of the month",
  total: "budget in all",
};

/** "budget of the day". */
export const nameOf = (span: string) => names[span] ?? `budget of the ${span}`;

/** The window into which an amount does not fit, that has to be waited for longest; null where it fits. */
export function shortfallOf({ windows }: Budget, amount: number): Shortfall | null {
  if (!amount) return null;
  const short = windows.filter(({ left }) => left !== null && Number(left) < amount);
  const window = short.find(({ renews_at }) => renews_at === null) ?? lastToRenew(short);
  return window ? { window, amount } : null;
}

function lastToRenew(windows: BudgetWindow[]): BudgetWindow | undefined {
  return [...windows].sort(
    (one, other) => Date.parse(other.renews_at ?? "") - Date.parse(one.renews_at ?? ""),
  )[0];
}

/** The limits of a budget as a form shows them: what is empty has none. */
export interface Limits {
  day: string;
  month: string;
  total: string;
  userDay: string;
  userMonth: string;
  jobsOpen: string;
}

/** The limits of a budget; without one, none. */
export function limitsOf(budget: Budget | null): Limits {
  const amount = (limit: string | null | undefined) => (limit == null ? "" : String(Number(limit)));
  const of = (span: string) => amount(budget?.windows.find((each) => each.span === span)?.limit);
  const { user, jobs_open } = budget ?? {};
  return {
    day: of("day"),
    month: of("month"),
    total: of("total"),
    userDay: amount(user?.day),
    userMonth: amount(user?.month),
    jobsOpen: jobs_open ? String(jobs_open.limit) : "",
  };
}

/** "Each user may cost $0.50 a day. "; nothing where users have no limits. */
export function userWords({ user }: Budget): string {
  const limits = [
    user?.day != null ? `${money(user.day)} a day` : "",
    user?.month != null ? `${money(user.month)} a month` : "",
  ].filter(Boolean);
  return limits.length ? `Each user may cost ${limits.join(" and ")}. ` : "";
}

/** The request that sets these limits, and no others. */
export function requestOf(limits: Limits, zone: string): SetBudget {
  const amount = (text: string) => text || null;
  const { day, month, total, userDay, userMonth, jobsOpen } = limits;
  return {
    day: amount(day),
    month: amount(month),
    total: amount(total),
    user: userDay || userMonth ? { day: amount(userDay), month: amount(userMonth) } : null,
    jobs_open: jobsOpen ? Number(jobsOpen) : null,
    zone,
  };
}

/** "This costs $0.50. The budget of the day has $0.20 left, and renews 1 Dec 2026, 00:00:00." */
export function shortfallWords({ window, amount }: Shortfall): string {
  const left = Number(window.left) ? money(window.left) : "nothing";
  const open = Number(window.held) ? ` (${money(window.held)} is held for open jobs)` : "";
  const renewal = window.renews_at ? `renews ${moment(window.renews_at)}` : "does not renew";
  return `This costs ${money(amount)}. The ${nameOf(window.span)} has ${left} left${open}, and ${renewal}.`;
}

/** How much of a limit is spent, in percent; 100 of a limit of nothing. */
export function spentPercent({ limit, spent }: Pick<BudgetWindow, "limit" | "spent">): number {
  return Number(limit) ? (100 * Number(spent)) / Number(limit) : 100;
}

/** The thresholds that a window has reached. */
export const reachedOf = (window: BudgetWindow) =>
  window.limit === null ? [] : THRESHOLDS.filter((each) => spentPercent(window) >= each);
