/** Server-sent events carry what a WebSocket does: in order, once, over a break, and with a key. */
import type { ServerResponse } from "node:http";
import { expect, test } from "vitest";
import { Heliograph, type LiveEvent } from "../src/heliograph.js";
import { json, problem, type Received, type Server, serving } from "./server.js";

const INDEX = { auth: "off", links: { live: "ws://127.0.0.1:1/", sse: "" } };

/** A service that answers each request for events as the test says. */
async function streaming(
  answer: (request: Received, response: ServerResponse, turn: number) => void,
  auth = "off",
): Promise<Server> {
  let turns = 0;
  const server: Server = await serving((request, response) => {
    if (request.url.startsWith("/v1/events")) answer(request, response, ++turns);
    else
      json(response, 200, {
        ...INDEX,
        auth,
        links: { ...INDEX.links, sse: `${server.url}/v1/events?project={project}` },
      });
  });
  return server;
}

const requests = ({ received }: Server): Received[] =>
  received.filter(({ url }) => url.startsWith("/v1/events"));

const job = (id: string, sequence: number): object => ({ id, revision: sequence });
const frame = (op: string, fields: object): string =>
  `event: ${op}\ndata: ${JSON.stringify({ op, id: 0, ...fields })}\n\n`;
const subscribed = (recovered: boolean): string =>
  frame("subscribed", { epoch: "e", head: 1, recovered, missed: recovered ? 1 : null });
const snapshot = frame("snapshot", { sequence: 1, jobs: [], more: false });
const caughtUp = (sequence: number): string => frame("caught_up", { sequence });
const event = (sequence: number, id = "job_1"): string =>
  frame("event", { sequence, type: "heliograph.job.started.v1", job: job(id, sequence) });

function tell(response: ServerResponse, ...pieces: string[]): void {
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  for (const piece of pieces) response.write(piece);
}

/** The sequences of so many events. */
async function sequences(events: AsyncIterable<LiveEvent>, count: number): Promise<number[]> {
  const seen: number[] = [];
  for await (const each of events) {
    if (each.kind === "event") seen.push(each.cursor.sequence);
    if (seen.length === count) break;
  }
  return seen;
}

test("a stream that ends is asked for again from its last event", async () => {
  await using server = await streaming((_, response, turn) => {
    if (turn > 1) {
      tell(response, subscribed(true), event(3), caughtUp(3));
      return;
    }
    tell(response, subscribed(false), snapshot, caughtUp(1), ": ping\n\n", event(2).slice(0, 40));
    response.end(event(2).slice(40));
  });
  const helio = new Heliograph({ url: server.url, live: "sse", key: "hg_test" });

  expect(await sequences(helio.live.follow(), 2)).toEqual([2, 3]);
  const [first, second] = requests(server);
  expect(first?.headers.authorization).toBe("Bearer hg_test");
  expect(first?.headers["last-event-id"]).toBeUndefined();
  expect(second?.headers["last-event-id"]).toBe("e-2");
});

test("one job is asked for by name; of several, what is about others is left out", async () => {
  await using server = await streaming((_, response) => {
    const events = [event(2, "job_other"), event(3, "job_a"), event(4, "job_b")];
    tell(response, subscribed(false), snapshot, caughtUp(1), ...events);
  });
  const helio = new Heliograph({ url: server.url, live: "sse" });

  expect(await sequences(helio.live.follow({ jobs: ["job_a", "job_b"] }), 2)).toEqual([3, 4]);
  await sequences(helio.live.follow({ jobs: ["job_a"] }), 1);
  expect(requests(server).map(({ url }) => url)).toEqual([
    "/v1/events?project=demo",
    "/v1/events?project=demo&job=job_a",
  ]);
});

test("it is taken where no WebSocket can be had", async () => {
  await using server = await streaming((_, response) => {
    tell(response, subscribed(false), snapshot, caughtUp(1), event(2));
  });
  const helio = new Heliograph({ url: server.url }); // nothing listens where its index sends sockets

  expect(await sequences(helio.live.follow(), 1)).toEqual([2]);
});

test("a refusal ends the subscription, and says why", async () => {
  await using server = await streaming((_, response) => {
    json(response, 404, problem("not_found", 404));
  });
  const helio = new Heliograph({ url: server.url, live: "sse" });

  await expect(helio.live.follow().next()).rejects.toMatchObject({
    name: "Refused",
    code: "not_found",
  });
  expect(requests(server)).toHaveLength(1);
});

test("a key that is refused twice ends the connection", async () => {
  await using server = await streaming((_, response) => {
    json(response, 401, problem("unauthenticated", 401, { retryable: false }));
  });
  const helio = new Heliograph({ url: server.url, live: "sse", key: "hg_old" });

  await expect(helio.live.follow().next()).rejects.toMatchObject({ code: "unauthenticated" });
  expect(requests(server)).toHaveLength(2);
});

test("a cookie is sent along where the page says so, and one that does not count is no refusal", async () => {
  await using server = await streaming((_, response, turn) => {
    if (turn > 1) tell(response, subscribed(false), snapshot, caughtUp(1), event(2));
    else json(response, 401, problem("unauthenticated", 401, { retryable: false }));
  }, "keys");
  const helio = new Heliograph({ url: server.url, live: "sse", credentials: "include" });

  expect(await sequences(helio.live.follow({ budget: true }), 1)).toEqual([2]);
  expect(requests(server).map(({ url }) => url)).toEqual(
    Array<string>(2).fill("/v1/events?project=demo&budget=true"),
  );
});
