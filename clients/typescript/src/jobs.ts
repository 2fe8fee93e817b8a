/** Jobs of a project. */
import { JobFailed } from "./errors.js";
import type { Answer } from "./http/answer.js";
import type { Gateway } from "./http/gateway.js";
import type { Parts, Operation } from "./http/operations.js";
import { Pages } from "./http/pages.js";
import type { Live } from "./live/live.js";
import type { CallOptions, PaidCallOptions } from "./options.js";
import type { components } from "./generated/gateway.js";
import { isFinal, type Job, type JobFilters, type JobList, type JobRequest } from "./types.js";
import type { Uploads } from "./uploads.js";

type Schemas = components["schemas"];
type ListQuery = Parts<Operation<"get", "/v1/projects/{project}/jobs">>["query"];

export interface WaitOptions extends CallOptions {
  /** Told the job each time that it changes. */
  onProgress?: (job: Job) => void;
}

export class Jobs {
  readonly #gateway: Gateway;
  readonly #live: Live;
  readonly #uploads: Uploads;
  readonly #project: string;

  constructor(gateway: Gateway, live: Live, uploads: Uploads, project: string) {
    this.#gateway = gateway;
    this.#live = live;
    this.#uploads = uploads;
    this.#project = project;
  }

  /**
   * Ask for a picture, a video or a text. Files among the references are uploaded first.
   *
   * The answer is durable, and is asked for under one key: repeats never pay twice.
   */
  async submit(request: JobRequest, options: PaidCallOptions = {}): Promise<Job> {
    const body = await this.#uploads.resolve<Schemas["JobRequest"]>(request, options);
    const path = { project: this.#project };
    return this.#gateway.call("post", "/v1/projects/{project}/jobs", { path, body }, options);
  }

  /**
   * Submit, and wait for the end.
   *
   * @throws {JobFailed} It ended without a result.
   */
  async run(request: JobRequest, options: WaitOptions & PaidCallOptions = {}): Promise<Job> {
    return this.#ended(await this.submit(request, options), options);
  }

  /** The job once it has succeeded. @throws {JobFailed} It ended in another way. */
  async wait(job: string, options: WaitOptions = {}): Promise<Job> {
    return this.#ended(await this.get(job, options), options);
  }

  get(job: string, options?: CallOptions): Answer<Job> {
    return this.#gateway.call("get", "/v1/jobs/{job}", { path: { job } }, options);
  }

  /** Jobs of the project, newest first. Awaited: a page; iterated: all. */
  list(filters: JobFilters = {}, options?: CallOptions): Pages<JobList> {
    const path = { project: this.#project };
    return new Pages((cursor) => {
      const query = { ...filters, ...(cursor && { cursor }) } as NonNullable<ListQuery>;
      return this.#gateway.call("get", "/v1/projects/{project}/jobs", { path, query }, options);
    });
  }

  /** What happened to a job, in order. */
  events(job: string, options?: CallOptions): Pages<Schemas["JobEvents"]> {
    return new Pages((cursor) => {
      const query = cursor ? { after: Number(cursor) } : {};
      return this.#gateway.call("get", "/v1/jobs/{job}/events", { path: { job }, query }, options);
    });
  }

  /** What was sent to the provider, when, and for how much. */
  attempts(job: string, options?: CallOptions): Answer<Schemas["Attempts"]> {
    return this.#gateway.call("get", "/v1/jobs/{job}/attempts", { path: { job } }, options);
  }

  /** Stop a job; or, with `detach`, only free its slot. */
  cancel(job: string, body: Schemas["CancelRequest"] = {}, options?: CallOptions): Answer<Job> {
    return this.#gateway.call("post", "/v1/jobs/{job}/cancel", { path: { job }, body }, options);
  }

  /** Whether it is charged when it is canceled now. */
  previewCancel(job: string, options?: CallOptions): Answer<Schemas["CancelCharge"]> {
    return this.#gateway.call("get", "/v1/jobs/{job}/cancel", { path: { job } }, options);
  }

  /** Try again, from the cheapest step that can work; only `from: "submit"` pays. */
  retry(job: string, body: Schemas["RetryRequest"] = {}, options?: PaidCallOptions): Answer<Job> {
    return this.#gateway.call("post", "/v1/jobs/{job}/retry", { path: { job }, body }, options);
  }

  async #ended(job: Job, { signal, onProgress }: WaitOptions): Promise<Job> {
    onProgress?.(job);
    const ended = isFinal(job) ? job : await this.#followed(job, signal, onProgress);
    if (ended.status !== "succeeded") throw new JobFailed(ended);
    return ended;
  }

  async #followed(job: Job, signal?: AbortSignal, onProgress?: (job: Job) => void): Promise<Job> {
    const store = this.#live.watch({ project: job.project, jobs: [job.id], known: [job] });
    let stop = (): void => undefined;
    try {
      return await new Promise((resolve, reject) => {
        stop = () => {
          reject(signal?.reason as Error);
        };
        signal?.addEventListener("abort", stop, { once: true });
        if (signal?.aborted) stop();
        store.subscribe(({ jobs, state, changed }) => {
          const now = jobs.get(job.id);
          if (now && changed.has(job.id)) onProgress?.(now);
          if (now && isFinal(now)) resolve(now);
          else if (state.name === "closed" && state.error) reject(state.error);
        });
      });
    } finally {
      signal?.removeEventListener("abort", stop);
      store.close();
    }
  }
}
