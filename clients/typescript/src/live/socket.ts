/** One WebSocket from its opening to its end, with pings of our own: browsers hide the protocol's. */
import type { ServerFrame } from "../types.js";
import type { Channel, ChannelHandlers, ClientFrame, Closed } from "./channel.js";

const SUBPROTOCOL = "heliograph.live.v1";
const OPEN = 1;
const OPEN_WITHIN = 10_000; // milliseconds
const PING_EVERY = 15_000;
const ANSWER_WITHIN = 5_000; // once the page is awake
/** Frames that the service takes in a second are 50. */
const BURST = 40;

export class LiveSocket implements Channel {
  readonly url: string;
  readonly #ticket: string | undefined;
  readonly #Socket: typeof WebSocket;
  readonly #unsent: ClientFrame[] = [];
  #socket: WebSocket | undefined;
  #end: ((closed: Closed) => void) | undefined;
  #opening: ReturnType<typeof setTimeout> | undefined;
  #pinging: ReturnType<typeof setInterval> | undefined;
  #pacing: ReturnType<typeof setTimeout> | undefined;
  #sent = 0;
  #isAnswered = true;

  constructor(url: string, ticket: string | undefined, Socket: typeof WebSocket) {
    this.url = url;
    this.#ticket = ticket;
    this.#Socket = Socket;
  }

  run(handlers: ChannelHandlers): Promise<Closed> {
    const socket = new this.#Socket(this.url, SUBPROTOCOL);
    this.#socket = socket;
    this.#opening = setTimeout(() => {
      this.drop("not open in time");
    }, OPEN_WITHIN);
    this.#pinging = setInterval(() => {
      this.#ping();
    }, PING_EVERY);
    socket.onopen = () => {
      clearTimeout(this.#opening);
      if (this.#ticket !== undefined) this.send({ op: "auth", ticket: this.#ticket });
      handlers.opened();
    };
    socket.onmessage = ({ data }) => {
      this.#isAnswered = true;
      const frame = parsed(data);
      if (frame) handlers.frame(frame);
      else this.drop("not a live service");
    };
    socket.onclose = ({ code, reason }) => {
      this.#over({ code, reason });
    };
    return new Promise((resolve) => (this.#end = resolve));
  }

  /** Send a frame; no more in a second than the service takes. */
  send(frame: ClientFrame): void {
    this.#unsent.push(frame);
    this.#flush();
  }

  probe(): void {
    this.#isAnswered = false;
    this.send({ op: "ping" });
    setTimeout(() => {
      if (!this.#isAnswered) this.drop("no answer");
    }, ANSWER_WITHIN);
  }

  drop(reason: string): void {
    this.#over({ code: 1006, reason });
    this.#socket?.close();
  }

  #flush(): void {
    const socket = this.#socket;
    if (socket?.readyState !== OPEN) return;
    while (this.#unsent.length && this.#sent < BURST) {
      socket.send(JSON.stringify(this.#unsent.shift()));
      this.#sent++;
    }
    this.#pacing ??= setTimeout(() => {
      this.#pacing = undefined;
      this.#sent = 0;
      if (this.#unsent.length) this.#flush();
    }, 1_100);
  }

  /** A ping, unless the last one had no answer: then the other side is gone. */
  #ping(): void {
    if (!this.#isAnswered) {
      this.drop("no answer");
      return;
    }
    if (this.#socket?.readyState !== OPEN) return;
    this.#isAnswered = false;
    this.send({ op: "ping" });
  }

  #over(closed: Closed): void {
    clearTimeout(this.#opening);
    clearTimeout(this.#pacing);
    clearInterval(this.#pinging);
    const socket = this.#socket;
    if (socket) socket.onopen = socket.onmessage = socket.onclose = null;
    this.#end?.(closed);
  }
}

function parsed(data: unknown): ServerFrame | undefined {
  try {
    return JSON.parse(String(data)) as ServerFrame;
  } catch {
    return undefined;
  }
}
