/** Background work on every page: how many jobs are open, how far they are, what ended last. */

import { percentOf, wordOf } from "../live/phases";
import { isOpen } from "../live/project.svelte";
import type { Job } from "../live/types";
import { notifications } from "./notifications.svelte";
import { to } from "./router.svelte";
import { session } from "./session.svelte";
import { toasts } from "./toasts.svelte";

const MANY = 3; // jobs that end within a second get one notice together
const NOTICE_AFTER = 400; // milliseconds

/** A job's name for people: its slot, else its prompt. */
export const nameOf = (job: Job) => job.slot ?? job.prompt;

/** The mean of what is known about the progress of jobs, in percent. */
export function meanPercent(jobs: readonly Job[]): number {
  if (!jobs.length) return 0;
  return Math.round(jobs.reduce((sum, job) => sum + (percentOf(job) ?? 0), 0) / jobs.length);
}

class Activity {
  readonly open = $derived(session.live?.open ?? []);
  readonly percent = $derived(meanPercent(this.open));
  last = $state.raw<Job | null>(null);
  readonly title = $derived.by(() => {
    const place = session.project ? `${session.project} · Heliograph` : "Heliograph";
    return this.open.length ? `(${this.open.length}) ${place}` : place;
  });
  #ended: Job[] = [];

  /** Notice jobs that end from now on, in the project that is looked at. */
  watch(): () => void {
    return session.live!.onChange((job, before) => {
      if (!before || !isOpen(before) || isOpen(job)) return;
      this.last = job;
      if (this.#ended.push(job) === 1) setTimeout(() => this.#tell(), NOTICE_AFTER);
    });
  }

  #tell(): void {
    const ended = this.#ended.splice(0);
    if (ended.length > MANY) {
      const failed = ended.filter((job) => job.status !== "succeeded").length;
      const text = `${ended.length} jobs ended${failed ? `, ${failed} of them without a result` : ""}`;
      toasts.show(text);
      notifications.tell(text);
      return;
    }
    for (const job of ended) {
      const tone =
        job.status === "succeeded" ? "good" : job.status === "canceled" ? "plain" : "bad";
      const text = `${wordOf(job)}: ${nameOf(job)}`;
      toasts.show(text, { tone, href: to.job(job.id) });
      notifications.tell(text, to.job(job.id));
    }
  }
}

export const activity = new Activity();
