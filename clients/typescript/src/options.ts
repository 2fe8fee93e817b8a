/** Options of a client, and of a single call. */

export interface HeliographOptions {
  /** The gateway. Default: the origin of the page. */
  url?: string;
  /** Default: `demo`. */
  project?: string;
  /** API key, or a function that gives the present one. Default: none. */
  key?: string | (() => string | Promise<string>);
  /** Milliseconds for one try of a request. Default: 30,000. */
  timeout?: number;
  /** Tries of a request that can be repeated, at most. Default: 5. */
  tries?: number;
  /** Headers of every request. */
  headers?: Record<string, string>;
  /** Whether cookies go to the services of other origins, as a session's do. Default: as `fetch`. */
  credentials?: RequestCredentials;
  /**
   * What carries live events. A WebSocket by default, and event streams where none can be had. Event
   * streams alone are for tokens that no ticket can be had for, and need one request each.
   */
  live?: "websocket" | "sse";
  /** Default: the platform's. */
  fetch?: typeof fetch;
  /** Default: the platform's. */
  WebSocket?: typeof WebSocket;
}

export interface CallOptions {
  /** Ends the call, and any wait in it, with the signal's reason. */
  signal?: AbortSignal;
  timeout?: number;
  tries?: number;
  headers?: Record<string, string>;
}

export interface PaidCallOptions extends CallOptions {
  /** The same key is always the same job. Default: a new one per call, kept over its repeats. */
  idempotencyKey?: string;
}
