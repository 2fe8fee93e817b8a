/** Live events of a project: as an iterator, and as a store. */
import type { BudgetReached, Cursor, Job } from "../types.js";
import type { Channels } from "./channel.js";
import { Connection, MAX_SUBSCRIPTIONS } from "./connection.js";
import { EventQueue } from "./event-queue.js";
import type { LiveEvent, LiveState } from "./events.js";
import { Feed, type FeedListener, type FeedRequest } from "./feed.js";
import { type JobReader, POLL_AFTER, POLL_EVERY, Poller } from "./polling.js";
import { JobStore, type Source } from "./store.js";

export interface FollowOptions {
  /** Default: the client's. */
  project?: string;
  /** Named jobs of the project, at most 300. Default: all. */
  jobs?: readonly string[];
  /** Go on from here. Default: a snapshot comes first. */
  after?: Cursor | undefined;
}

export interface IterateOptions extends FollowOptions {
  /** Ends the iteration by throwing its reason. */
  signal?: AbortSignal;
  /** Events that wait for the reader, at most; then the service keeps the rest. Default: 1,000. */
  buffer?: number;
  /** Also hear of the budget: when a part of a limit is spent. Needs the scope `usage:read`. */
  budget?: boolean;
  /** Told how the connection is. */
  onState?: (state: LiveState) => void;
}

export interface WatchOptions extends FollowOptions {
  /** Jobs that are known, as of `after`. */
  known?: readonly Job[];
  /** Jobs that are over and stay, at most. Default: 5,000. */
  keep?: number;
  /** Told when a part of a limit of the budget is spent. Needs the scope `usage:read`. */
  onBudget?: (reached: BudgetReached) => void;
}

export interface LiveOptions {
  project: string;
  channels: (project: string) => Channels;
  reader: (project: string) => JobReader;
}

export class Live {
  readonly #options: LiveOptions;
  readonly #connections = new Map<string, Connection[]>();

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  /**
   * Events in order, each once, over any break, until the loop is left.
   *
   * @throws {Refused} The service refuses, as for a job that is not there.
   * @throws {NotReachable} The service closed the connection for good. A broken one is opened again.
   */
  async *follow(options: IterateOptions = {}): AsyncGenerator<LiveEvent, void> {
    const queue = new EventQueue(options.buffer ?? 1_000);
    const abort = (): void => {
      queue.close(options.signal?.reason as Error);
    };
    options.signal?.throwIfAborted();
    options.signal?.addEventListener("abort", abort);
    const feed = this.#feed(options, options.budget, {
      event: (event) => {
        queue.put(event);
        if (queue.isFull) feed.pause();
      },
      state: (state) => {
        options.onState?.(state);
        if (state.name === "closed") queue.close(state.error);
      },
    });
    try {
      for (let event = await queue.take(); event; event = await queue.take()) {
        yield event;
        if (queue.isEmpty) feed.resume();
      }
    } finally {
      feed.pause();
      options.signal?.removeEventListener("abort", abort);
    }
  }

  /** Store of the jobs, kept up to date until it is closed. */
  watch(options: WatchOptions = {}): JobStore {
    const source: Source = (store) => {
      const project = options.project ?? this.#options.project;
      const poller = new Poller(this.#options.reader(project), store, options.jobs);
      const { onBudget } = options;
      const feed = this.#feed(options, onBudget !== undefined, {
        event: (event) => {
          if (event.kind === "budget") onBudget?.(event.reached);
          else store.event(event);
        },
        state: (state) => {
          const { name } = state;
          if (name === "waiting" && state.failures >= POLL_AFTER) poller.start();
          if (name === "catching_up" || name === "live" || name === "closed") poller.stop();
          store.state(poller.isRunning ? { name: "polling", every: POLL_EVERY } : state);
        },
      });
      return {
        close: () => {
          poller.stop();
          feed.pause();
        },
      };
    };
    return new JobStore(source, options.known, options.keep);
  }

  #feed(options: FollowOptions, budget: boolean | undefined, listener: FeedListener): Feed {
    const { jobs, after, project = this.#options.project } = options;
    if (jobs && jobs.length > 300) throw new RangeError("at most 300 jobs can be named");
    const request: FeedRequest = { project, jobs, after, budget };
    return new Feed(this.#connection(project), request, listener);
  }

  #connection(project: string): Connection {
    const connections = this.#connections.get(project) ?? [];
    const free = connections.find((connection) => connection.size < MAX_SUBSCRIPTIONS);
    if (free) return free;
    const connection = new Connection(this.#options.channels(project));
    this.#connections.set(project, [...connections, connection]);
    return connection;
  }
}
