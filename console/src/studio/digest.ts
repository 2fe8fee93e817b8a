/** What happened in a project since somebody last looked. */

import { costOf } from "../live/phases";
import type { Job } from "../live/types";

export interface Digest {
  finished: number;
  failed: number;
  cost: number; // US dollars, of jobs that were charged
}

/** The jobs that ended after `since` (milliseconds since 1970), folded; null when there are none. */
export function digestOf(jobs: Iterable<Job>, since: number): Digest | null {
  const digest: Digest = { finished: 0, failed: 0, cost: 0 };
  for (const job of jobs) {
    if (!job.finished_at || Date.parse(job.finished_at) <= since) continue;
    if (job.status === "succeeded") digest.finished += 1;
    else if (job.status !== "canceled") digest.failed += 1;
    if (job.charged === "yes") digest.cost += Number(costOf(job));
  }
  return digest.finished + digest.failed ? digest : null;
}
