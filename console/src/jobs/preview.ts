/** What a bulk action would do, in words. */

import type { Charged, Preview } from "../live/types";
import { counted, money } from "../words/format";

/** The jobs of a preview for which nothing is paid, and those that only a paid submission can bring back. */
export function ways(preview: Preview): { free: string[]; paid: string[] } {
  const paid = preview.action === "retry" ? preview.items.filter(isPaid).map(({ id }) => id) : [];
  const accepted = preview.items.filter(({ outcome }) => outcome === "accepted");
  return { free: accepted.map(({ id }) => id).filter((id) => !paid.includes(id)), paid };
}

const isPaid = ({ from, cost }: { from: string | null; cost: { estimated?: string } | null }) =>
  from === "submit" && Number(cost?.estimated ?? 0) > 0;

const chargeOfStopping: Record<Charged, (times: number) => string> = {
  no: (times) => (times === 1 ? "costs nothing" : "cost nothing"),
  yes: (times) => (times === 1 ? "is charged already" : "are charged already"),
  unknown: () => "may be charged",
};

/** "5 free, 7 cost $0.28" for retries; "3 jobs cost nothing, 1 job may be charged" for cancellations. */
export function outlook(preview: Preview): string {
  return parts(preview).filter(Boolean).join(", ") || "nothing to do";
}

/** What all paid jobs of a preview cost together, in US dollars. */
export const costOf = (preview: Preview) =>
  preview.action === "retry" ? preview.cost.estimated : "0";

function parts(preview: Preview): string[] {
  if (preview.action === "cancel")
    return Object.entries(preview.charged).map(([charged, times]) =>
      times ? `${counted(times, "job")} ${chargeOfStopping[charged as Charged](times)}` : "",
    );
  const { free, paid } = ways(preview);
  return [
    free.length ? `${free.length} free` : "",
    paid.length ? `${paid.length} cost ${money(preview.cost.estimated)}` : "",
  ];
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
