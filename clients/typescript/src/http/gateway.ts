/** Calls of the gateway, typed by its OpenAPI document. */
import { newIdempotencyKey } from "../idempotency.js";
import type { HeliographOptions, PaidCallOptions } from "../options.js";
import type { Index } from "../types.js";
import { Answer } from "./answer.js";
import {
  addressOf,
  type Answered,
  type LooseParts,
  type Operation,
  type Parts,
  type PathOf,
  type Verb,
} from "./operations.js";
import { Transport } from "./transport.js";

export class Gateway {
  readonly transport: Transport;
  readonly #url: string;
  #index: Promise<Index> | undefined;

  constructor(options: HeliographOptions) {
    this.#url = (options.url ?? globalThis.location.origin).replace(/\/+$/, "");
    this.transport = new Transport(options);
  }

  /**
   * One call. A POST or PUT carries one idempotency key, the same in all of its repeats; one whose
   * route knows no key, and that must not be done twice, is called with `tries: 1`.
   */
  call<V extends Verb, P extends PathOf<V>>(
    verb: V,
    path: P,
    parts: Parts<Operation<V, P>>,
    options: PaidCallOptions = {},
  ): Answer<Answered<Operation<V, P>>> {
    const { body, ...address } = parts as LooseParts;
    const headers: Record<string, string> = { Accept: "application/json", ...options.headers };
    if (verb === "post" || verb === "put") {
      headers["Idempotency-Key"] = options.idempotencyKey ?? newIdempotencyKey();
    }
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const request = {
      method: verb.toUpperCase(),
      url: addressOf(this.#url, path, address),
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    return new Answer(this.transport.send(request, options));
  }

  /** Index of the API, asked for once: every other address comes from it. */
  index(): Promise<Index> {
    this.#index ??= this.call("get", "/v1", {}).catch((error: unknown) => {
      this.#index = undefined;
      throw error;
    });
    return this.#index;
  }

  /** A ticket for one live connection: 30 s, once. */
  async ticket(project: string): Promise<string> {
    const url = `${this.#url}/v1/projects/${encodeURIComponent(project)}/tickets`;
    const headers = { Accept: "application/json", "Content-Type": "application/json" };
    const request = { method: "POST", url, headers, body: "{}" };
    const { body } = await this.transport.send(request, { tries: 1 });
    return (body as { ticket: string }).ticket;
  }
}
