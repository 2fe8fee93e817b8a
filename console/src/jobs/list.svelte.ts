/** The jobs of a project that a filter lets through, newest first, page by page; kept current by live events. */

import { SvelteSet } from "svelte/reactivity";
import { reasonOf } from "../app/toasts.svelte";
import { clientOf } from "../live/api";
import type { LiveProject } from "../live/project.svelte";
import type { Counts, Job } from "../live/types";
import { matches, type Filter } from "./filter";

const PAGE = 100; // jobs

export class JobRows {
  rows = $state.raw<Job[]>([]);
  counts = $state.raw<Counts | null>(null);
  loading = $state(true);
  fault = $state("");
  /** Jobs that came after the list was made, and are not shown yet. */
  arrived = $state.raw<Job[]>([]);
  readonly selected = new SvelteSet<string>();
  #next: string | null = null;
  #ids = new Set<string>();
  #anchor = 0; // the row that was selected last
  readonly #forget: () => void;

  constructor(
    readonly live: LiveProject,
    readonly filter: Filter,
  ) {
    this.#forget = live.onChange((job) => this.#take(job));
    void this.more();
  }

  close(): void {
    this.#forget();
  }

  /** The next page. Nothing while one is on its way, or after the last. */
  async more(): Promise<void> {
    const first = this.rows.length === 0;
    if (!first && (this.loading || !this.#next)) return;
    this.loading = true;
    try {
      const page = await clientOf(this.live.name).call("get", "/v1/projects/{project}/jobs", {
        path: { project: this.live.name },
        query: this.#query(first),
      });
      this.#next = page.next;
      this.#show([...this.rows, ...page.items]);
      if (first) this.counts = page.counts ?? null;
    } catch (error) {
      this.fault = reasonOf(error);
    }
    this.loading = false;
  }

  /** Put what has arrived on top. */
  reveal(): void {
    const newest = [...this.arrived].sort((one, other) =>
      other.created_at.localeCompare(one.created_at),
    );
    this.arrived = [];
    this.#show([...newest, ...this.rows]);
  }

  /** Select a row; with `reach`, every row from the one before. */
  select(index: number, reach: boolean): void {
    const on = !this.selected.has(this.rows[index]!.id);
    const [from, to] = reach
      ? [Math.min(this.#anchor, index), Math.max(this.#anchor, index)]
      : [index, index];
    for (const job of this.rows.slice(from, to + 1)) {
      if (reach || on) this.selected.add(job.id);
      else this.selected.delete(job.id);
    }
    this.#anchor = index;
  }

  #query(first: boolean) {
    const given = Object.entries(this.filter).filter(([, value]) => value);
    const cursor = this.#next;
    return { ...Object.fromEntries(given), limit: PAGE, counts: first, ...(cursor && { cursor }) };
  }

  #show(jobs: Job[]): void {
    this.#ids = new Set(jobs.map(({ id }) => id));
    this.rows = jobs;
  }

  #take(job: Job): void {
    if (this.#ids.has(job.id) || this.loading || !matches(job, this.filter)) return;
    const newest = this.rows[0]?.created_at ?? "";
    if (job.created_at < newest) return; // an old job: it has its place further down
    this.arrived = [...this.arrived.filter(({ id }) => id !== job.id), job];
  }
}
