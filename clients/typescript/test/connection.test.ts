/** A live connection comes back as it should: when, from where, and not at all. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Live } from "../src/live/live.js";
import type { LiveEvent, LiveState } from "../src/live/events.js";
import type { JobReader } from "../src/live/polling.js";
import { LiveSocket } from "../src/live/socket.js";
import { FakeSocket } from "./fake-socket.js";

const NOBODY: JobReader = {
  newest: () => Promise.resolve([]),
  get: () => Promise.reject(new Error("no job")),
};

function aLive(tickets: string[] = [], reader: JobReader = NOBODY): Live {
  return new Live({
    project: "demo",
    channels: () => [
      () =>
        Promise.resolve(
          new LiveSocket("ws://live", tickets.shift(), FakeSocket as unknown as typeof WebSocket),
        ),
    ],
    reader: () => reader,
  });
}

interface Followed {
  events: LiveEvent[];
  states: LiveState[];
  error: Promise<unknown>;
}

/** What a follower is told; it is done when `live` is closed to it. */
function followed(live: Live, options: object = {}): Followed {
  const [events, states]: [LiveEvent[], LiveState[]] = [[], []];
  const onState = (state: LiveState): void => void states.push(state);
  const reading = (async () => {
    for await (const event of live.follow({ ...options, onState })) events.push(event);
  })();
  return { events, states, error: reading.catch((error: unknown) => error) };
}

const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.all = [];
});

afterEach(() => {
  vi.useRealTimers();
});

test("it goes on from the last event that was handed out", async () => {
  const { events, states } = followed(aLive());
  await settle();
  FakeSocket.last.welcome();
  FakeSocket.last.event(7);
  await settle();

  FakeSocket.last.end(1012);
  await vi.advanceTimersByTimeAsync(200);
  FakeSocket.last.open();

  expect(FakeSocket.all).toHaveLength(2);
  expect(events.at(-1)).toMatchObject({ cursor: { sequence: 7 } });
  expect(FakeSocket.last.sent[0]).toMatchObject({ after: { epoch: "e", sequence: 7 } });
  expect(states.map(({ name }) => name)).toContain("waiting");
});

test("who follows the budget is told what is spent, and it moves no cursor", async () => {
  const { events } = followed(aLive(), { budget: true });
  await settle();
  FakeSocket.last.welcome();
  FakeSocket.last.event(7);
  FakeSocket.last.say("budget", { id: 1, project: "demo", span: "day", percent: 80 });
  await settle();

  FakeSocket.last.end(1012);
  await vi.advanceTimersByTimeAsync(200);
  FakeSocket.last.open();

  expect(events.at(-1)).toMatchObject({ kind: "budget", reached: { span: "day", percent: 80 } });
  expect(FakeSocket.last.sent[0]).toMatchObject({ budget: true, after: { sequence: 7 } });
});

test("pauses grow until a subscription works again", async () => {
  const { states } = followed(aLive());
  for (let failures = 0; failures < 6; failures++) {
    await vi.advanceTimersByTimeAsync(5_000);
    FakeSocket.last.end(1006);
    await settle();
  }
  const waits = states.filter((state) => state.name === "waiting");
  expect(waits.map(({ failures }) => failures)).toEqual([1, 2, 3, 4, 5, 6]);

  await vi.advanceTimersByTimeAsync(5_000);
  FakeSocket.last.welcome();
  FakeSocket.last.end(1006);
  await settle();

  expect(states.at(-1)).toMatchObject({ name: "waiting", failures: 1 });
});

test("a socket that does not answer a ping is given up", async () => {
  followed(aLive());
  await settle();
  const [silent] = FakeSocket.all;
  silent?.welcome();

  await vi.advanceTimersByTimeAsync(31_000);

  expect(silent?.sent.filter(({ op }) => op === "ping")).toHaveLength(1);
  expect(silent?.readyState).toBe(3);
  expect(FakeSocket.all).toHaveLength(2);
});

test("a ticket is the first frame, and one that is refused is renewed once", async () => {
  const { error } = followed(aLive(["t1", "t2"]));
  await settle();
  FakeSocket.last.open();
  expect(FakeSocket.last.sent[0]).toEqual({ op: "auth", ticket: "t1" });

  FakeSocket.last.end(4401);
  await settle();
  FakeSocket.last.open();
  expect(FakeSocket.last.sent[0]).toEqual({ op: "auth", ticket: "t2" });
  FakeSocket.last.end(4401, "no such ticket");

  expect(await error).toMatchObject({ name: "Refused", code: "unauthenticated" });
});

test("a connection that is not the client's to have ends with the reason", async () => {
  const { error, states } = followed(aLive());
  await settle();

  FakeSocket.last.end(4403, "not this origin");

  expect(await error).toMatchObject({ name: "Refused", code: "forbidden" });
  expect(states.at(-1)?.name).toBe("closed");
  await vi.advanceTimersByTimeAsync(60_000);
  expect(FakeSocket.all).toHaveLength(1);
});

test("subscriptions of a project share a socket, and an error ends only its own", async () => {
  const live = aLive();
  const one = followed(live);
  const other = followed(live, { jobs: ["job_1"] });
  await settle();
  FakeSocket.last.welcome(1);
  const problem = { code: "not_found", detail: "no job", retryable: false };

  FakeSocket.last.say("error", { id: 2, problem });
  FakeSocket.last.event(2);

  expect(await other.error).toMatchObject({ name: "Refused", code: "not_found" });
  await settle();
  expect(one.events).toHaveLength(2);
  expect(FakeSocket.all).toHaveLength(1);
});

test("a reader that does not keep up leaves the rest to the service", async () => {
  const events = aLive().follow({ buffer: 3 });
  const first = events.next();
  await settle();
  FakeSocket.last.welcome();
  await first;
  for (const sequence of [2, 3, 4, 5, 6]) FakeSocket.last.event(sequence);
  const [before] = FakeSocket.all;

  const taken = [];
  for (let count = 0; count < 3; count++) taken.push((await events.next()).value);
  void events.next();
  await vi.advanceTimersByTimeAsync(1_000);
  FakeSocket.last.open();

  expect(taken.map((event) => (event as { cursor: { sequence: number } }).cursor.sequence)).toEqual(
    [2, 3, 4],
  );
  expect(FakeSocket.last).not.toBe(before);
  expect(FakeSocket.last.sent[0]).toMatchObject({ after: { sequence: 4 } });
});

test("a store polls after three failures, and says so, until it is live", async () => {
  const job = { id: "job_1", revision: 1, status: "running" };
  const reader = { ...NOBODY, newest: () => Promise.resolve([job]) } as unknown as JobReader;
  const store = aLive([], reader).watch();
  for (let failures = 0; failures < 3; failures++) {
    await vi.advanceTimersByTimeAsync(5_000);
    FakeSocket.last.end(1006);
  }
  await vi.advanceTimersByTimeAsync(100);
  expect(store.state).toEqual({ name: "polling", every: 5_000 });
  expect(store.jobs.has("job_1")).toBe(true);

  await vi.advanceTimersByTimeAsync(5_000);
  FakeSocket.last.welcome();
  await vi.advanceTimersByTimeAsync(100);

  expect(store.state).toMatchObject({ name: "live" });
  store.close();
});

test("the last subscription takes the socket with it", async () => {
  const abort = new AbortController();
  const { error } = followed(aLive(), { signal: abort.signal });
  await settle();
  FakeSocket.last.welcome();

  abort.abort(new Error("left the page"));

  expect(await error).toMatchObject({ message: "left the page" });
  expect(FakeSocket.last.readyState).toBe(3);
});
