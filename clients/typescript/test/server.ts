/** A real HTTP server whose answers a test writes. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  method: string;
  url: string;
  headers: IncomingMessage["headers"];
  body: string;
}

export type Handler = (request: Received, response: ServerResponse, turn: number) => void;

export interface Server extends AsyncDisposable {
  url: string;
  received: Received[];
}

export async function serving(handle: Handler): Promise<Server> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const each = { method, url, headers, body: Buffer.concat(pieces).toString() };
      received.push(each);
      handle(each, response, received.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port.toString()}`,
    received,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(body));
}

export const problem = (code: string, status: number, more: object = {}): object => ({
  ...{ type: `/problems/${code}`, title: code, status, detail: code, instance: null, code },
  ...{ retryable: status >= 429, charged: null, retry_after: null, provider: null, trace_id: null },
  ...{ errors: [], next_actions: [], ...more },
});
