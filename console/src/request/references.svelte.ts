/** The pictures that a request refers to: files on their way to the store, and assets that are there. */

import { reasonOf } from "../app/toasts.svelte";
import { clientOf } from "../live/api";
import type { Reference } from "../live/types";

export interface Given {
  key: number;
  name: string;
  preview: string | null; // an address of the browser's own
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
    this.items.push({ key: ++this.#last, name, preview: null, share: 1, fault: "", reference });
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
