/** What a bulk action would do, in words. */

import { chargedWords } from "../live/phases";
import type { ActionItem, Charged, Preview } from "../live/types";
import { money } from "../words/format";

/** The jobs of a preview for which nothing is paid, and those that only a paid submission can bring back. */
export function ways(preview: Preview): { free: string[]; paid: string[] } {
  const pays = (item: ActionItem) =>
    preview.action === "retry" && item.from === "submit" && Number(item.cost?.estimated ?? 0) > 0;
  return {
    free: preview.items
      .filter((item) => item.outcome === "accepted" && !pays(item))
      .map(({ id }) => id),
    paid: preview.items.filter(pays).map(({ id }) => id),
  };
}

/** "5 free, 7 cost $0.28" for retries; "3 not charged, 1 may be charged" for cancellations. */
export function outlook(preview: Preview): string {
  const { free, paid } = ways(preview);
  const parts =
    preview.action === "retry"
      ? [
          free.length ? `${free.length} free` : "",
          paid.length ? `${paid.length} cost ${money(preview.cost?.estimated)}` : "",
        ]
      : Object.entries(preview.charged ?? {}).map(([charged, times]) =>
          times ? `${times} ${chargedWords(charged as Charged)}` : "",
        );
  return parts.filter(Boolean).join(", ") || "nothing to do";
}

/** Why jobs are left out, and how many for each reason; the most frequent first. */
export function refusals(preview: Preview): [reason: string, times: number][] {
  const reasons = new Map<string, number>();
  const { paid } = ways(preview);
  for (const { id, outcome, problem } of preview.items)
    if (outcome === "refused" && problem && !paid.includes(id))
      reasons.set(problem.title, (reasons.get(problem.title) ?? 0) + 1);
  return [...reasons].sort(([, one], [, other]) => other - one);
}
