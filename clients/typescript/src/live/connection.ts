/** Live connection of a project: one channel for up to 100 subscriptions, opened again when it breaks. */
import { NotReachable, Refused } from "../errors.js";
import { backoff } from "../http/backoff.js";
import type { Cursor, ServerFrame } from "../types.js";
import type { Channel, Channels, Closed, OpenChannel } from "./channel.js";
import { finalError, UNAUTHENTICATED } from "./close-codes.js";
import type { LiveState } from "./events.js";
import { listenToNetwork } from "./network.js";

export const MAX_SUBSCRIPTIONS = 100;

export interface Subscriber {
  readonly project: string;
  readonly jobs: readonly string[] | undefined;
  readonly after: Cursor | undefined;
  readonly budget: boolean;
  frame(frame: ServerFrame): void;
  link(state: LiveState): void;
}

export class Connection {
  readonly #channels: Channels;
  readonly #subscribers = new Map<number, Subscriber>();
  #lastId = 0;
  #channel: Channel | undefined;
  #isOpen = false;
  #isRunning = false;
  #failures = 0;
  #refusedTickets = 0;
  #wake: (() => void) | undefined;

  constructor(channels: Channels) {
    this.#channels = channels;
  }

  get size(): number {
    return this.#subscribers.size;
  }

  /** Subscribe; the id is the subscriber's for this subscription only. */
  add(subscriber: Subscriber): number {
    const id = ++this.#lastId;
    this.#subscribers.set(id, subscriber);
    if (this.#isOpen) this.#subscribe(id, subscriber);
    if (!this.#isRunning) void this.#run();
    return id;
  }

  remove(id: number): void {
    if (!this.#subscribers.delete(id)) return;
    if (this.#isOpen) this.#channel?.send({ op: "unsubscribe", id });
    if (this.size === 0) this.#stop();
  }

  #stop(): void {
    this.#channel?.drop("no subscriptions");
    this.#wake?.();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    const stopListening = listenToNetwork({
      lost: () => this.#channel?.drop("offline"),
      found: () => this.#wake?.(),
      awake: () => {
        this.#channel?.probe();
        this.#wake?.();
      },
    });
    while (this.size > 0) {
      const error = await this.#connect();
      if (error) this.#fail(error);
    }
    stopListening();
    this.#isRunning = false;
  }

  /** One connection, to its end and the pause after it. Returns why there is no use in another one. */
  async #connect(): Promise<Error | undefined> {
    this.#tell({ name: "connecting" });
    try {
      const channel = await this.#next()();
      if (this.size === 0) return undefined;
      const { code, reason } = await this.#talk(channel);
      if (code === UNAUTHENTICATED && this.#refusedTickets++ === 0) return undefined;
      const error = finalError(channel.url, code, reason);
      if (error) return error;
      await this.#pause(reason || `closed with ${code.toString()}`);
    } catch (error) {
      if (error instanceof Refused && !error.retryable) return error;
      await this.#pause(error instanceof NotReachable ? error.message : String(error));
    }
    return undefined;
  }

  #next(): OpenChannel {
    const turn = Math.max(0, this.#failures - 1) % this.#channels.length;
    return this.#channels[turn] ?? this.#channels[0];
  }

  async #talk(channel: Channel): Promise<Closed> {
    this.#channel = channel;
    const closed = await channel.run({
      opened: () => {
        this.#isOpen = true;
        for (const [id, subscriber] of this.#subscribers) this.#subscribe(id, subscriber);
      },
      frame: (frame) => {
        this.#receive(frame);
      },
    });
    this.#isOpen = false;
    this.#channel = undefined;
    return closed;
  }

  #subscribe(id: number, { project, jobs, after, budget }: Subscriber): void {
    this.#channel?.send({
      op: "subscribe",
      ...{ id, project },
      ...(jobs && { jobs }),
      ...(budget && { budget }),
      ...(after && { after: { epoch: after.epoch, sequence: after.sequence } }),
    });
  }

  #receive(frame: ServerFrame): void {
    if (frame.op === "subscribed") this.#failures = this.#refusedTickets = 0;
    if (!("id" in frame) || frame.id === null) return;
    const subscriber = this.#subscribers.get(frame.id);
    subscriber?.frame(frame);
  }

  async #pause(reason: string): Promise<void> {
    if (this.size === 0) return;
    const pause = backoff(++this.#failures);
    this.#tell({ name: "waiting", until: Date.now() + pause, failures: this.#failures, reason });
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pause);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }

  #fail(error: Error): void {
    this.#tell({ name: "closed", error });
    this.#subscribers.clear();
  }

  #tell(state: LiveState): void {
    for (const subscriber of [...this.#subscribers.values()]) subscriber.link(state);
  }
}
