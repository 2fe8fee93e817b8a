/** Slots: named places in a project, with versions. */
import type { Answer } from "./http/answer.js";
import type { Gateway } from "./http/gateway.js";
import { Pages } from "./http/pages.js";
import type { CallOptions } from "./options.js";
import type { SlotList, SlotVersions } from "./types.js";

export class Slots {
  readonly #gateway: Gateway;
  readonly #project: string;

  constructor(gateway: Gateway, project: string) {
    this.#gateway = gateway;
    this.#project = project;
  }

  /** Slots by name. `epoch` and `sequence` of a page are the cursor that live events go on from. */
  list(filters: { prefix?: string; limit?: number } = {}, options?: CallOptions): Pages<SlotList> {
    const path = { project: this.#project };
    return new Pages((cursor) => {
      const query = { ...filters, ...(cursor && { cursor }) };
      return this.#gateway.call("get", "/v1/projects/{project}/slots", { path, query }, options);
    });
  }

  /** One slot with its versions. */
  get(slot: string, options?: CallOptions): Answer<SlotVersions> {
    const path = { project: this.#project, slot };
    return this.#gateway.call("get", "/v1/projects/{project}/slots/{slot}", { path }, options);
  }

  /** Show an earlier version again. */
  restore(slot: string, version: number, options?: CallOptions): Answer<SlotVersions> {
    const path = { project: this.#project };
    const body = { slot, version };
    return this.#gateway.call("post", "/v1/projects/{project}/restore", { path, body }, options);
  }
}
