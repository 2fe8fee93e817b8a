import { describe, expect, test } from "vitest";
import type { Budget } from "../src/live/types";
import {
  limitsOf,
  reachedOf,
  requestOf,
  shortfallOf,
  shortfallWords,
  userWords,
  type BudgetWindow,
} from "../src/usage/budget";

const window = (span: BudgetWindow["span"], fields: Partial<BudgetWindow>): BudgetWindow => ({
  span,
  key: span,
  limit: "5",
  spent: "4",
  held: "0",
  left: "1",
  renews_at:
    span === "total" ? null : span === "day" ? "2026-12-01T00:00:00Z" : "2027-01-01T00:00:00Z",
  ...fields,
});
const budget = (...windows: BudgetWindow[]): Budget => ({
  project: "demo",
  currency: "USD",
  zone: "UTC",
  windows,
  jobs_open: null,
  user: null,
});

describe("whether an amount fits", () => {
  test("what costs nothing always fits, and so does all of what is left", () => {
    const state = budget(
      window("day", { left: "0" }),
      window("month", { limit: null, left: null }),
    );
    expect(shortfallOf(state, 0)).toBeNull();
    expect(shortfallOf(budget(window("day", {})), 1)).toBeNull();
  });

  test("the window that has to be waited for longest is named", () => {
    const [day, month] = [window("day", {}), window("month", {})];
    expect(shortfallOf(budget(day, month), 2)?.window).toBe(month);
    const total = window("total", { left: "1.5" });
    expect(shortfallOf(budget(day, month, total), 2)?.window).toBe(total);
  });

  test("it says what is left, what is held, and when it renews", () => {
    const short = shortfallOf(budget(window("day", { left: "0", held: "1" })), 0.5)!;
    expect(shortfallWords(short)).toMatch(
      /^This costs \$0.50. The budget of the day has nothing left \(\$1.00 is held for open jobs\), and renews /,
    );
    const never = shortfallOf(budget(window("total", {})), 2)!;
    expect(shortfallWords(never)).toBe(
      "This costs $2.00. The budget in all has $1.00 left, and does not renew.",
    );
  });
});

test("a window knows which parts of its limit are spent", () => {
  expect(reachedOf(window("day", {}))).toEqual([50, 80]);
  expect(reachedOf(window("day", { limit: "0" }))).toEqual([50, 80, 100]);
  expect(reachedOf(window("day", { limit: null }))).toEqual([]);
});

describe("a form for a budget", () => {
  const none = { day: "", month: "", total: "", userDay: "", userMonth: "", jobsOpen: "" };

  test("sends every limit back that nobody changed", () => {
    const state: Budget = {
      ...budget(window("day", { limit: "5.00" }), window("month", { limit: null, left: null })),
      jobs_open: { limit: 50, open: 3, left: 47 },
      user: { day: null, month: "0.50", name: null, windows: [] },
    };
    const limits = limitsOf(state);
    expect(limits).toEqual({ ...none, day: "5", userMonth: "0.5", jobsOpen: "50" });
    expect(requestOf(limits, "Europe/Berlin")).toEqual({
      day: "5",
      month: null,
      total: null,
      user: { day: null, month: "0.5" },
      jobs_open: 50,
      zone: "Europe/Berlin",
    });
  });

  test("says what each user may cost, where that is limited", () => {
    const user = { day: "0.50", month: "5", name: null, windows: [] };
    expect(userWords({ ...budget(), user })).toBe(
      "Each user may cost $0.50 a day and $5.00 a month. ",
    );
    expect(userWords(budget())).toBe("");
  });

  test("without a limit it removes the budget", () => {
    expect(limitsOf(null)).toEqual(none);
    expect(requestOf(none, "UTC")).toEqual({
      day: null,
      month: null,
      total: null,
      user: null,
      jobs_open: null,
      zone: "UTC",
    });
  });
});
