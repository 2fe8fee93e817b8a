/** Usage as bars: by what it was added up, how many jobs, how much money. */

export interface UsageBar {
  name: string;
  jobs: number;
  cost: number; // US dollars
  share: number; // of the longest bar: of its cost, or of its jobs where nothing costs
}

/** `items` as the API answers for `by`. */
export function barsOf(items: readonly Record<string, unknown>[], by: string): UsageBar[] {
  const bars = items.map((item) => ({
    name: String(item[by] ?? "–"),
    jobs: Number(item.jobs ?? 0),
    cost: Number(item.cost ?? 0),
    share: 0,
  }));
  const most = {
    jobs: Math.max(1, ...bars.map(({ jobs }) => jobs)),
    cost: Math.max(0, ...bars.map(({ cost }) => cost)),
  };
  return bars.map((bar) => ({
    ...bar,
    share: most.cost ? bar.cost / most.cost : bar.jobs / most.jobs,
  }));
}
