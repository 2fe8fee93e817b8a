/** Cast: the two reference pictures of a person. */
import type { components } from "./generated/gateway.js";
import type { Gateway } from "./http/gateway.js";
import type { PaidCallOptions } from "./options.js";
import type { CastRequest } from "./types.js";
import type { Uploads } from "./uploads.js";

type Schemas = components["schemas"];
type CastInput = Omit<CastRequest, "operation">;

export class Cast {
  readonly #gateway: Gateway;
  readonly #uploads: Uploads;
  readonly #project: string;
  readonly #person: string;

  constructor(gateway: Gateway, uploads: Uploads, project: string, person: string) {
    this.#gateway = gateway;
    this.#uploads = uploads;
    this.#project = project;
    this.#person = person;
  }

  /** Make both, in parallel. */
  create(input: CastInput, options?: PaidCallOptions): Promise<Schemas["CastJobs"]> {
    return this.#make({ ...input, operation: "create" }, options);
  }

  rerenderBoth(input: CastInput = {}, options?: PaidCallOptions): Promise<Schemas["CastJobs"]> {
    return this.#make({ ...input, operation: "rerender_both" }, options);
  }

  rerenderA(input: CastInput = {}, options?: PaidCallOptions): Promise<Schemas["CastJobs"]> {
    return this.#make({ ...input, operation: "rerender_a" }, options);
  }

  rerenderB(input: CastInput = {}, options?: PaidCallOptions): Promise<Schemas["CastJobs"]> {
    return this.#make({ ...input, operation: "rerender_b" }, options);
  }

  async #make(request: CastRequest, options: PaidCallOptions = {}): Promise<Schemas["CastJobs"]> {
    const body = await this.#uploads.resolve<Schemas["CastRequest"]>(request, options);
    const path = { project: this.#project, person: this.#person };
    return this.#gateway.call(
      "put",
      "/v1/projects/{project}/cast/{person}/refs",
      { path, body },
      options,
    );
  }
}
