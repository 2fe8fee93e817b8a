/** Usage as bars: by what it was added up, how many jobs, how much money. */

import type { Way } from "../live/usage";
import type { UsageReport } from "../live/types";

export interface UsageBar {
  name: string;
  jobs: number;
  cost: number; // of the report's currency
  share: number; // of the longest bar: of its cost, or of its jobs where nothing costs
}

export type UsageItem = Pick<UsageReport["items"][number], Way | "jobs" | "spent">;

const DAY = 86_400_000; // milliseconds

/** Items of a report as bars: days without jobs have a bar, too; other ways begin with what cost most. */
export function barsOf(items: readonly UsageItem[], by: Way): UsageBar[] {
  const bars = items.map((item) => ({
    name: item[by] ?? "–",
    jobs: item.jobs,
    cost: Number(item.spent),
    share: 0,
  }));
  const most = {
    jobs: Math.max(1, ...bars.map(({ jobs }) => jobs)),
    cost: Math.max(0, ...bars.map(({ cost }) => cost)),
  };
  for (const bar of bars) bar.share = most.cost ? bar.cost / most.cost : bar.jobs / most.jobs;
  return by === "day" ? withEveryDay(bars) : bars.sort((one, other) => other.share - one.share);
}

/** From the last day with jobs to the first, without a gap. */
function withEveryDay(bars: UsageBar[]): UsageBar[] {
  const known = new Map(bars.map((bar) => [bar.name, bar]));
  const days = [...known.keys()].sort();
  const [first, last] = [Date.parse(days[0] ?? ""), Date.parse(days.at(-1) ?? "")];
  const all: UsageBar[] = [];
  for (let day = last; day >= first; day -= DAY) {
    const name = new Date(day).toISOString().slice(0, 10);
    all.push(known.get(name) ?? { name, jobs: 0, cost: 0, share: 0 });
  }
  return all;
}

/** The first day of the last `count` days, the present one included, as in "2026-11-30". */
export function firstDayOf(count: number, now: number): string {
  const first = new Date(now - (count - 1) * DAY);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${first.getFullYear()}-${two(first.getMonth() + 1)}-${two(first.getDate())}`;
}
