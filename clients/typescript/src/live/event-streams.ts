/**
 * Live connection by server-sent events, one request for each subscription: where no WebSocket can be
 * had, and for tokens, which `fetch` can send.
 */
import { NotReachable, Refused } from "../errors.js";
import type { Transport } from "../http/transport.js";
import type { ServerFrame } from "../types.js";
import type { Channel, ChannelHandlers, ClientFrame, Closed, Subscription } from "./channel.js";
import { UNAUTHENTICATED } from "./close-codes.js";
import { eventsOf } from "./event-stream.js";

/** Milliseconds without a byte; the service sends a comment every 15 s. */
const SILENCE = 30_000;
const BUSY = 1013;
const LOST = 1006;

export class EventStreams implements Channel {
  readonly url: string;
  readonly #transport: Transport;
  readonly #hasCookie: boolean;
  readonly #streams = new Map<number, AbortController>();
  #handlers: ChannelHandlers | undefined;
  #end: ((closed: Closed) => void) | undefined;

  /**
   * @param url With `{project}` in place of a project.
   * @param hasCookie Who asks is told by a cookie, which may not reach this service: a 401 is then no
   *   word about the session.
   */
  constructor(url: string, transport: Transport, hasCookie = false) {
    this.url = url;
    this.#transport = transport;
    this.#hasCookie = hasCookie;
  }

  run(handlers: ChannelHandlers): Promise<Closed> {
    this.#handlers = handlers;
    const closed = new Promise<Closed>((resolve) => (this.#end = resolve));
    handlers.opened();
    return closed;
  }

  send(frame: ClientFrame): void {
    if (frame.op === "subscribe") void this.#follow(frame);
    else if (frame.op === "unsubscribe") this.#stop(frame.id);
  }

  /** Nothing to ask: a stream that is gone falls silent. */
  probe(): void {
    return;
  }

  drop(reason: string): void {
    this.#over({ code: LOST, reason });
  }

  async #follow(subscription: Subscription): Promise<void> {
    const { id, jobs } = subscription;
    const ended = new AbortController();
    this.#streams.set(id, ended);
    const isWanted = isAbout(jobs);
    const silence = silenceTimer(() => {
      ended.abort(new NotReachable(this.url, "silence"));
    });
    try {
      const response = await this.#transport.open(this.#request(subscription), ended.signal);
      for await (const data of eventsOf(response, silence.reset)) {
        const frame = isWanted(JSON.parse(data) as ServerFrame);
        if (this.#streams.get(id) === ended && frame)
          this.#handlers?.frame({ ...frame, id } as ServerFrame);
      }
      throw new NotReachable(this.url, "the stream ended");
    } catch (error) {
      if (this.#streams.get(id) === ended) this.#fail(id, error);
    } finally {
      silence.stop();
    }
  }

  #request({ project, jobs, after, budget }: Subscription): Parameters<Transport["open"]>[0] {
    const one = jobs?.length === 1 ? `&job=${jobs[0] ?? ""}` : "";
    const money = budget ? "&budget=true" : "";
    return {
      method: "GET",
      url: this.url.replace("{project}", encodeURIComponent(project)) + one + money,
      headers: {
        Accept: "text/event-stream",
        ...(after && { "Last-Event-ID": `${after.epoch}-${after.sequence.toString()}` }),
      },
    };
  }

  /** What is wrong with one subscription ends that one; all else ends the connection. */
  #fail(id: number, error: unknown): void {
    if (!(error instanceof Refused)) this.drop(String(error));
    else if (error.problem.status === 401)
      this.#over({ code: this.#hasCookie ? LOST : UNAUTHENTICATED, reason: error.message });
    else if (error.retryable) this.#over({ code: BUSY, reason: error.message });
    else this.#handlers?.frame({ op: "error", id, problem: error.problem });
  }

  #stop(id: number): void {
    const stream = this.#streams.get(id);
    this.#streams.delete(id);
    stream?.abort();
  }

  #over(closed: Closed): void {
    for (const id of [...this.#streams.keys()]) this.#stop(id);
    this.#end?.(closed);
  }
}

/** A stream is about a project, or one job of it: of several jobs, what is about others is left out. */
function isAbout(
  jobs: readonly string[] | undefined,
): (frame: ServerFrame) => ServerFrame | undefined {
  const named = new Set(jobs);
  return (frame) => {
    if (named.size < 2) return frame;
    if (frame.op === "snapshot")
      return { ...frame, jobs: frame.jobs.filter(({ id }) => named.has(id)) };
    if (frame.op === "event" && !named.has(frame.job.id)) return undefined;
    if (frame.op === "progress" && !named.has(frame.job)) return undefined;
    return frame;
  };
}

/** Calls `onSilence` when it was not reset for long. */
function silenceTimer(onSilence: () => void): { reset: () => void; stop: () => void } {
  let timer = setTimeout(onSilence, SILENCE);
  return {
    reset: () => {
      clearTimeout(timer);
      timer = setTimeout(onSilence, SILENCE);
    },
    stop: () => {
      clearTimeout(timer);
    },
  };
}
