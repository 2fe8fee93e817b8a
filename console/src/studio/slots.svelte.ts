/** The slots of a project, kept current by its live jobs. */

import { SvelteMap } from "svelte/reactivity";
import { reasonOf } from "../app/toasts.svelte";
import { clientOf } from "../live/api";
import { isOpen, type LiveProject } from "../live/project.svelte";
import type { Job, Slot } from "../live/types";

export class ProjectSlots {
  readonly slots = new SvelteMap<string, Slot>();
  loaded = $state(false);
  fault = $state("");
  readonly #listed: Promise<void>;
  /** The slots that are being read, and whether they have changed since. */
  readonly #reading = new Map<string, boolean>();
  readonly #forget: () => void;

  constructor(readonly live: LiveProject) {
    this.#forget = live.onChange((job) => this.#take(job));
    this.#listed = this.#load();
  }

  close(): void {
    this.#forget();
  }

  async #load(): Promise<void> {
    try {
      for await (const slot of clientOf(this.live.name).slots.list({ limit: 200 }))
        this.slots.set(slot.slot, this.#newest(slot));
      for (const job of this.live.open) this.#take(job);
    } catch (error) {
      this.fault = reasonOf(error);
    }
    this.loaded = true;
  }

  #newest(slot: Slot): Slot {
    const active = slot.active && this.live.newest(slot.active);
    return { ...slot, active: active && isOpen(active) ? active : null };
  }

  /** An open job is shown in its slot at once; what one that ended means for the slot is asked. */
  #take(job: Job): void {
    if (!job.slot) return;
    if (!isOpen(job)) return void this.#reload(job.slot);
    const slot = this.slots.get(job.slot) ?? {
      slot: job.slot,
      current: null,
      active: null,
      failures: [],
    };
    this.slots.set(job.slot, { ...slot, active: job });
  }

  async #reload(name: string): Promise<void> {
    const isRead = this.#reading.has(name);
    this.#reading.set(name, true);
    if (isRead) return;
    await this.#listed; // an older answer would replace the newer one
    try {
      while (this.#reading.get(name)) {
        this.#reading.set(name, false);
        const { slot, current, active, failures } = await clientOf(this.live.name).slots.get(name);
        this.slots.set(name, this.#newest({ slot, current, active, failures }));
      }
    } catch (error) {
      this.fault = reasonOf(error);
    } finally {
      this.#reading.delete(name);
    }
  }
}
