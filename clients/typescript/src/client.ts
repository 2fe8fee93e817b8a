/** Client of one gateway about one project. */
import type { components } from "./generated/gateway.js";
import { Cast } from "./cast.js";
import { NotReachable } from "./errors.js";
import type { Answer } from "./http/answer.js";
import { Gateway } from "./http/gateway.js";
import type { Answered, Operation, Parts, PathOf, Verb } from "./http/operations.js";
import { Jobs } from "./jobs.js";
import type { Channels, OpenChannel } from "./live/channel.js";
import { EventStreams } from "./live/event-streams.js";
import { Live } from "./live/live.js";
import type { JobReader } from "./live/polling.js";
import { LiveSocket } from "./live/socket.js";
import type { CallOptions, HeliographOptions, PaidCallOptions } from "./options.js";
import { Slots } from "./slots.js";
import type { ActionPreview, ActionRequest, Batch, Index } from "./types.js";
import { Uploads } from "./uploads.js";

type Schemas = components["schemas"];

export class Heliograph {
  readonly project: string;
  readonly jobs: Jobs;
  readonly slots: Slots;
  readonly uploads: Uploads;
  readonly live: Live;
  readonly #gateway: Gateway;
  readonly #options: HeliographOptions;

  constructor(options: HeliographOptions = {}) {
    const project = options.project ?? "demo";
    const gateway = new Gateway(options);
    this.#options = options;
    this.#gateway = gateway;
    this.project = project;
    this.uploads = new Uploads(gateway, project);
    this.slots = new Slots(gateway, project);
    this.live = new Live({
      project,
      channels: (each) => this.#channels(each),
      reader: (each) => this.#reader(each),
    });
    this.jobs = new Jobs(gateway, this.live, this.uploads, project);
  }

  /** The same gateway, about another project. */
  withProject(project: string): Heliograph {
    return new Heliograph({ ...this.#options, project });
  }

  /** Reference pictures of a person: a pair of jobs. */
  cast(person: string): Cast {
    return new Cast(this.#gateway, this.uploads, this.project, person);
  }

  /** Ask for up to 500 jobs, all or none. */
  batch(body: Schemas["BatchRequest"], options?: PaidCallOptions): Answer<Batch> {
    const path = { project: this.project };
    return this.call("post", "/v1/projects/{project}/batches", { path, body }, options);
  }

  /** What requests would cost, and when they would run; as `quote` of a request it binds the price. */
  quote(jobs: Schemas["JobRequest"][], options?: CallOptions): Answer<Schemas["QuoteList"]> {
    const path = { project: this.project };
    return this.call("post", "/v1/projects/{project}/quotes", { path, body: { jobs } }, options);
  }

  /** Retry or cancel many jobs, by `ids` or by `filter`. */
  act(body: ActionRequest, options?: PaidCallOptions): Answer<Schemas["ActionReport"]> {
    return this.#act({ ...body, dry_run: false }, options) as Answer<Schemas["ActionReport"]>;
  }

  /** What `act` would do now, and what it would cost. */
  preview(body: ActionRequest, options?: CallOptions): Answer<ActionPreview> {
    return this.#act({ ...body, dry_run: true }, options) as Answer<ActionPreview>;
  }

  /** The version of the API, and every other address. */
  index(): Promise<Index> {
    return this.#gateway.index();
  }

  /** Any call of the published API, typed by its document: `call("get", "/v1/lanes", {})`. */
  call<V extends Verb, P extends PathOf<V>>(
    verb: V,
    path: P,
    parts: Parts<Operation<V, P>>,
    options?: PaidCallOptions,
  ): Answer<Answered<Operation<V, P>>> {
    return this.#gateway.call(verb, path, parts, options);
  }

  #act(body: ActionRequest, options?: PaidCallOptions): Answer<unknown> {
    const path = { project: this.project };
    return this.call("post", "/v1/projects/{project}/actions", { path, body }, options);
  }

  #channels(project: string): Channels {
    const { key, live, credentials } = this.#options;
    const socket: OpenChannel = async () => {
      const { auth, links } = await this.index();
      const isOpen = key === undefined && auth === "off";
      const ticket = isOpen ? undefined : await this.#gateway.ticket(project);
      return new LiveSocket(links.live, ticket, this.#options.WebSocket ?? WebSocket);
    };
    const streams: OpenChannel = async () => {
      const { auth, links } = await this.index();
      const hasCookie = key === undefined && auth !== "off";
      if (hasCookie && credentials !== "include")
        throw new NotReachable(links.sse, "event streams want a key");
      return new EventStreams(links.sse, this.#gateway.transport, hasCookie);
    };
    return live === "sse" ? [streams] : [socket, streams];
  }

  #reader(project: string): JobReader {
    return {
      newest: async (signal) => {
        const parts = { path: { project }, query: { limit: 200 } };
        return (await this.call("get", "/v1/projects/{project}/jobs", parts, { signal })).items;
      },
      get: async (job, signal) => this.jobs.get(job, { signal }),
    };
  }
}
