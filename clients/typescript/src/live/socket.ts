/** One WebSocket from its opening to its end, with pings of our own: browsers hide the protocol's. */
import type { ServerFrame } from "../types.js";

const SUBPROTOCOL = "heliograph.live.v1";
const OPEN = 1;
/** Milliseconds: until it must be open, between pings, and for an answer once the page is awake. */
const LIMITS = { opening: 10_000, ping: 15_000, awake: 5_000 };
/** Frames that the service takes in a second are 50. */
const BURST = 40;

export interface SocketHandlers {
  opened(): void;
  frame(frame: ServerFrame): void;
}

export interface Closed {
  code: number;
  reason: string;
}

export class LiveSocket {
  /** Settles when it is over, whoever ended it. */
  readonly closed: Promise<Closed>;
  #end!: (closed: Closed) => void;
  readonly #socket: WebSocket;
  readonly #opening: ReturnType<typeof setTimeout>;
  readonly #pinging: ReturnType<typeof setInterval>;
  readonly #unsent: object[] = [];
  #pacing: ReturnType<typeof setTimeout> | undefined;
  #sent = 0;
  #isAnswered = true;

  constructor(url: string, handlers: SocketHandlers, Socket: typeof WebSocket) {
    const socket = new Socket(url, SUBPROTOCOL);
    this.#socket = socket;
    this.closed = new Promise((resolve) => (this.#end = resolve));
    this.#opening = setTimeout(() => {
      this.drop("not open in time");
    }, LIMITS.opening);
    this.#pinging = setInterval(() => {
      this.#ping();
    }, LIMITS.ping);
    socket.onopen = () => {
      clearTimeout(this.#opening);
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
  }

  /** Send a frame; no more in a second than the service takes. */
  send(frame: object): void {
    this.#unsent.push(frame);
    this.#flush();
  }

  /** Whether it outlived the page's sleep shows soon. */
  probe(): void {
    this.#isAnswered = false;
    this.send({ op: "ping" });
    setTimeout(() => {
      if (!this.#isAnswered) this.drop("no answer");
    }, LIMITS.awake);
  }

  /** Over now, without waiting for the other side: it may be gone. */
  drop(reason: string): void {
    this.#over({ code: 1006, reason });
    this.#socket.close();
  }

  #flush(): void {
    if (this.#socket.readyState !== OPEN) return;
    while (this.#unsent.length && this.#sent < BURST) {
      this.#socket.send(JSON.stringify(this.#unsent.shift()));
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
    if (this.#socket.readyState !== OPEN) return;
    this.#isAnswered = false;
    this.send({ op: "ping" });
  }

  #over(closed: Closed): void {
    clearTimeout(this.#opening);
    clearTimeout(this.#pacing);
    clearInterval(this.#pinging);
    const socket = this.#socket;
    socket.onopen = socket.onmessage = socket.onclose = null;
    this.#end(closed);
  }
}

function parsed(data: unknown): ServerFrame | undefined {
  try {
    return JSON.parse(String(data)) as ServerFrame;
  } catch {
    return undefined;
  }
}
