/** Channel: one live connection from its start to its end, whatever carries it. */
import type { Cursor, ServerFrame } from "../types.js";

/** What a client says, as far as it is the same for every carrier. */
export type ClientFrame =
  | { op: "auth"; ticket: string }
  | ({ op: "subscribe" } & Subscription)
  | { op: "unsubscribe"; id: number }
  | { op: "ping" };

export interface Subscription {
  id: number;
  project: string;
  jobs?: readonly string[];
  after?: Cursor;
  budget?: boolean;
}

export interface ChannelHandlers {
  /** Frames can be sent. */
  opened(): void;
  frame(frame: ServerFrame): void;
}

/** Why it is over, in the codes of WebSockets. */
export interface Closed {
  code: number;
  reason: string;
}

export interface Channel {
  readonly url: string;
  /** Start it; settles when it is over, whoever ended it. */
  run(handlers: ChannelHandlers): Promise<Closed>;
  send(frame: ClientFrame): void;
  /** The page was asleep: whether the other side is still there shows soon. */
  probe(): void;
  /** Over now, without waiting for the other side: it may be gone. */
  drop(reason: string): void;
}

/** A new channel, not yet started. */
export type OpenChannel = () => Promise<Channel>;

/** The best first. Another one is tried when it has failed twice in a row. */
export type Channels = readonly [OpenChannel, ...OpenChannel[]];
