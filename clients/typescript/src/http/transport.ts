/**
 * HTTP with retries. Every request may be repeated: it reads, or writes a state, or has an
 * idempotency key by which its repeats are known.
 */
import { NotReachable, Refused } from "../errors.js";
import type { CallOptions, HeliographOptions } from "../options.js";
import type { Problem } from "../types.js";
import { pauseBeforeRetry, sleep } from "./backoff.js";

/** Statuses after which the same request may succeed. */
const PASSING: ReadonlySet<number> = new Set([429, 502, 503, 504]);

export interface HttpRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  body?: string | Blob;
  /** In place of the client's, for this request. */
  fetch?: typeof fetch;
}

export interface Reply {
  response: Response;
  body: unknown;
}

type Failure = Refused | NotReachable;

export class Transport {
  readonly #options: HeliographOptions;

  constructor(options: HeliographOptions) {
    this.#options = options;
  }

  /**
   * The JSON answer of a request.
   *
   * @throws {Refused} The service said no; no repeat would help, or none did.
   * @throws {NotReachable} No answer came, or none that can be used.
   */
  async send(request: HttpRequest, options: CallOptions = {}): Promise<Reply> {
    const tries = options.tries ?? this.#options.tries ?? 5;
    for (let failures = 1; ; failures++) {
      const outcome = await this.#attempt(request, options);
      if (!(outcome instanceof Error)) return outcome;
      const pause = isPassing(outcome)
        ? pauseBeforeRetry(failures, retryAfter(outcome))
        : undefined;
      if (failures >= tries || pause === undefined) throw outcome;
      await sleep(pause, options.signal);
    }
  }

  /**
   * The answer of a request whose body goes on and on. Asked for once.
   *
   * @throws {Refused} The service said no.
   * @throws {NotReachable} No answer came.
   */
  async open(request: HttpRequest, signal: AbortSignal): Promise<Response> {
    const response = await this.#fetch(request, signal).catch((cause: unknown) => {
      throw new NotReachable(request.url, String(cause), cause);
    });
    if (response.ok) return response;
    throw read(request.url, response, await response.text()) as Failure;
  }

  async #attempt(request: HttpRequest, options: CallOptions): Promise<Reply | Failure> {
    const { url } = request;
    const limit = AbortSignal.timeout(options.timeout ?? this.#options.timeout ?? 30_000);
    const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit;
    options.signal?.throwIfAborted();
    try {
      const response = await this.#fetch(request, signal);
      return read(url, response, await response.text());
    } catch (cause) {
      options.signal?.throwIfAborted();
      return new NotReachable(url, String(cause), cause);
    }
  }

  async #fetch(
    { url, method, body, ...request }: HttpRequest,
    signal: AbortSignal,
  ): Promise<Response> {
    const { credentials } = this.#options;
    const headers = {
      ...this.#options.headers,
      ...(await this.#authorization()),
      ...request.headers,
    };
    const send = request.fetch ?? this.#options.fetch ?? fetch;
    return send(url, {
      method,
      headers,
      body: body ?? null,
      signal,
      ...(credentials && { credentials }),
    });
  }

  async #authorization(): Promise<Record<string, string>> {
    const { key } = this.#options;
    if (key === undefined) return {};
    return { Authorization: `Bearer ${typeof key === "function" ? await key() : key}` };
  }
}

function read(url: string, response: Response, text: string): Reply | Failure {
  let body: unknown;
  try {
    body = text ? JSON.parse(text) : null;
  } catch {
    return new NotReachable(url, `answered ${response.status.toString()}, and no JSON`);
  }
  if (response.ok) return { response, body };
  if (isProblem(body)) return new Refused(body);
  return new NotReachable(
    url,
    `answered ${response.status.toString()}, and no problem of Heliograph`,
  );
}

function isProblem(body: unknown): body is Problem {
  return typeof body === "object" && body !== null && "code" in body && "next_actions" in body;
}

function isPassing(failure: Failure): boolean {
  return failure instanceof NotReachable || PASSING.has(failure.problem.status ?? 0);
}

/** Milliseconds that the service wants to be left alone. */
function retryAfter(failure: Failure): number | undefined {
  const seconds = failure instanceof Refused ? failure.problem.retry_after : null;
  return seconds == null ? undefined : seconds * 1_000;
}
