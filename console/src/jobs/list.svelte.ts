/** The jobs of a project that a filter lets through, in order, page by page; kept current by live events. */

import { SvelteSet } from "svelte/reactivity";
import { reasonOf } from "../app/toasts.svelte";
import { clientOf } from "../live/api";
import type { LiveProject } from "../live/project.svelte";
import type { Counts, Job } from "../live/types";
import { apiQueryOf, matches, placeOf, type Filter, type Order } from "./filter";

const PAGE = 100; // jobs
const FAR = 30; // pages, behind which a place is not looked for
const COUNTED_AFTER = 1500; // milliseconds after a change: the next ones are counted with it

export class JobRows {
  rows = $state.raw<Job[]>([]);
  counts = $state.raw<Counts | null>(null);
  loading = $state(true);
  fault = $state("");
  /** How many jobs came after the list was made, and are not shown yet. */
  arrived = $state(0);
  readonly #arrived = new Map<string, Job>();
  readonly selected = new SvelteSet<string>();
  #next: string | null = null;
  #page: Promise<void> | undefined;
  readonly #ids = new Set<string>();
  #anchor = 0; // the row that was selected last
  readonly #forget: () => void;
  #counting: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly live: LiveProject,
    readonly filter: Filter,
    readonly order: Order,
  ) {
    this.#forget = live.onChange((job, before) => {
      this.#take(job);
      if (job.status !== before?.status)
        this.#counting ??= setTimeout(() => void this.#count(), COUNTED_AFTER);
    });
    void this.more();
  }

  close(): void {
    this.#forget();
    clearTimeout(this.#counting);
  }

  /** The next page, or the one that is on its way; nothing after the last. */
  more(): Promise<void> {
    this.#page ??= this.#load().finally(() => (this.#page = undefined));
    return this.#page;
  }

  /** The index of a job, for which pages are loaded as far as is bearable; -1 where it is not found. */
  async find(id: string): Promise<number> {
    for (let pages = 0; pages < FAR; pages++) {
      if (this.#ids.has(id) || this.fault || (pages && !this.#next)) break;
      await this.more();
    }
    return this.rows.findIndex((job) => job.id === id);
  }

  async #load(): Promise<void> {
    const first = this.rows.length === 0;
    if (!first && !this.#next) return;
    this.loading = true;
    try {
      const page = await clientOf(this.live.name).call("get", "/v1/projects/{project}/jobs", {
        path: { project: this.live.name },
        query: this.#query(first),
      });
      this.#next = page.next;
      this.#show(page.items, [...this.rows, ...page.items]);
      if (first) this.counts = page.counts ?? null;
    } catch (error) {
      this.fault = reasonOf(error);
    }
    this.loading = false;
    this.#settle();
  }

  /** Put what has arrived on top. */
  reveal(): void {
    const newest = [...this.#arrived.values()].sort((one, other) =>
      placeOf(other, this.order) < placeOf(one, this.order) ? -1 : 1,
    );
    this.#arrived.clear();
    this.arrived = 0;
    this.#show(newest, [...newest, ...this.rows]);
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
    const cursor = this.#next;
    return {
      ...apiQueryOf(this.filter, this.order),
      limit: PAGE,
      counts: first,
      ...(cursor && { cursor }),
    };
  }

  /** How many jobs there are of each status now. */
  async #count(): Promise<void> {
    try {
      const { counts } = await clientOf(this.live.name).call("get", "/v1/projects/{project}/jobs", {
        path: { project: this.live.name },
        query: { ...this.#query(true), cursor: undefined, limit: 1 },
      });
      this.counts = counts ?? null;
    } catch {
      // those of before stay
    }
    this.#counting = undefined;
  }

  #show(added: Job[], rows: Job[]): void {
    for (const { id } of added) this.#ids.add(id);
    this.rows = rows;
  }

  /** A job that is new to the list waits to be put on top. In a list that begins with the oldest it comes with the last page. */
  #take(job: Job): void {
    if (this.order === "oldest" || this.#ids.has(job.id) || !placeOf(job, this.order)) return;
    if (!matches(job, this.filter, this.order) || this.#isFurtherDown(job)) return;
    this.#arrived.set(job.id, job);
    if (!this.loading) this.arrived = this.#arrived.size;
  }

  /** Of the jobs that came while a page was on its way, those stay that are newer than the list. */
  #settle(): void {
    for (const [id, job] of this.#arrived)
      if (this.#ids.has(id) || this.#isFurtherDown(job)) this.#arrived.delete(id);
    this.arrived = this.#arrived.size;
  }

  #isFurtherDown(job: Job): boolean {
    const first = this.rows[0];
    return !!first && placeOf(job, this.order) < placeOf(first, this.order);
  }
}
