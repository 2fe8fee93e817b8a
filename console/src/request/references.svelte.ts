/** The pictures that a request refers to: files on their way to the store, and assets that are there. */

import { reasonOf } from "../app/toasts.svelte";
import { clientOf, job } from "../live/api";
import { addressOf, jobOf } from "../live/pictures";
import type { Reference } from "../live/types";

export interface Given {
  key: number;
  name: string;
  preview: string | null; // an address of a small picture
  share: number; // of the bytes that are stored, from 0 to 1
  fault: string;
  reference: Reference | null; // null until it is stored
}

export class References {
  items = $state<Given[]>([]);
  readonly ready = $derived(this.items.filter((item) => item.reference));
  readonly waiting = $derived(this.items.some((item) => !item.reference && !item.fault));
  #last = 0;
  readonly #uploads = new Map<number, AbortController>();

  constructor(readonly project: () => string) {}

  /** Store files and refer to them. One that is refused says why and stays out. */
  add(files: Iterable<File>): void {
    for (const file of files) void this.#store(file);
  }

  /** Refer to an asset, an address or an upload that is stored already. */
  refer(reference: Reference): void {
    const name = reference.asset ?? reference.url ?? reference.upload ?? "";
    const key = ++this.#last;
    this.items.push({ key, name, preview: null, share: 1, fault: "", reference });
    if (reference.asset) void this.#show(key, reference.asset);
  }

  /** A picture that was made here is shown, under the name of what it was made for. */
  async #show(key: number, asset: string): Promise<void> {
    try {
      const made = await job(jobOf({ id: asset }));
      const found = made.assets.find(({ id }) => id === asset);
      const item = this.items.find((each) => each.key === key);
      if (item && found)
        Object.assign(item, {
          preview: addressOf(found, "thumbnail", "poster"),
          name: made.slot ?? made.prompt,
        });
    } catch {
      // its job is pruned: the id has to do
    }
  }

  /** Leave one out; if its bytes are on their way, they stop. */
  remove(key: number): void {
    this.#uploads.get(key)?.abort();
    const item = this.items.find((each) => each.key === key);
    if (item?.preview) URL.revokeObjectURL(item.preview);
    this.items = this.items.filter((each) => each.key !== key);
  }

  close(): void {
    for (const { key } of this.items) this.remove(key);
  }

  async #store(file: File): Promise<void> {
    const key = ++this.#last;
    const preview = file.type.startsWith("image/") ? URL.createObjectURL(file) : null;
    this.items.push({ key, name: file.name, preview, share: 0, fault: "", reference: null });
    const item = () => this.items.find((each) => each.key === key);
    const stop = new AbortController();
    this.#uploads.set(key, stop);
    try {
      const { upload } = await clientOf(this.project()).uploads.put(file, {
        signal: stop.signal,
        onProgress: ({ sent, total }) => {
          const shown = item();
          if (shown) shown.share = sent / total;
        },
      });
      const reference = { upload };
      const stored = item();
      if (stored) Object.assign(stored, { reference, share: 1 });
    } catch (error) {
      const refused = item();
      if (refused) refused.fault = reasonOf(error);
    } finally {
      this.#uploads.delete(key);
    }
  }
}
