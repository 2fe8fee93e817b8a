/** Where a subscription stands: events once and in order, over connections, pages and restores. */
import { expect, test } from "vitest";
import { Replay } from "../src/live/replay.js";
import type { Job, ServerFrame } from "../src/types.js";

const job = (id: string, sequence: number): Job => ({ id, sequence }) as Job;
const frame = (op: string, fields: object): ServerFrame =>
  ({ op, id: 1, ...fields }) as ServerFrame;
const subscribed = (fields: object): ServerFrame =>
  frame("subscribed", { epoch: "e1", head: 9, recovered: false, missed: null, ...fields });
const event = (sequence: number, id = "a"): ServerFrame =>
  frame("event", { type: "heliograph.job.started.v1", sequence, job: job(id, sequence) });

function after(...frames: ServerFrame[]): Replay {
  const replay = new Replay();
  for (const each of frames) replay.read(each);
  return replay;
}

test("the pages of a snapshot are handed out as one", () => {
  const replay = after(subscribed({}));

  const pages = [true, false].map((more, page) =>
    replay.read(frame("snapshot", { sequence: 5, jobs: [job(String(page), 4)], more })),
  );

  expect(pages[0]).toBeUndefined();
  expect(pages[1]).toMatchObject({ kind: "snapshot", jobs: [{ id: "0" }, { id: "1" }] });
  expect(replay.after).toEqual({ epoch: "e1", sequence: 5 });
});

test("a snapshot that breaks off is not taken for the state", () => {
  const replay = after(subscribed({}), frame("snapshot", { sequence: 5, jobs: [], more: true }));

  expect(replay.after).toBeUndefined();
  expect(replay.state()).toBeUndefined();
});

test("an event that comes again is left out", () => {
  const replay = after(subscribed({}), frame("snapshot", { sequence: 5, jobs: [], more: false }));

  expect(replay.read(event(6))).toMatchObject({ kind: "event", cursor: { sequence: 6 } });
  expect(replay.read(event(6))).toBeUndefined();
});

test("an event that a later page of the snapshot has in it is left out", () => {
  const page = frame("snapshot", { sequence: 5, jobs: [job("a", 7)], more: false });
  const replay = after(subscribed({}), page);

  expect(replay.read(event(7))).toBeUndefined();
  expect(replay.after).toEqual({ epoch: "e1", sequence: 7 });
  expect(replay.read(event(8))).toMatchObject({ kind: "event" });
});

test("what was missed is counted until the service says that all of it is here", () => {
  const replay = after(subscribed({}), frame("snapshot", { sequence: 5, jobs: [], more: false }));
  replay.read(subscribed({ recovered: true, missed: 3 }));

  expect(replay.state()).toEqual({ name: "catching_up", missed: 3, seen: 0 });
  replay.read(event(6));
  replay.read(event(8));
  expect(replay.state()).toEqual({ name: "catching_up", missed: 3, seen: 2 });
  replay.read(frame("caught_up", { sequence: 9 })); // one of the three was about no job
  expect(replay.state()).toEqual({ name: "live", missed: 2, restarted: false });
  expect(replay.after).toEqual({ epoch: "e1", sequence: 9 });
});

test("a log with another epoch starts over, and its sequences are no longer compared", () => {
  const replay = after(
    subscribed({}),
    frame("snapshot", { sequence: 900, jobs: [], more: false }),
    subscribed({ epoch: "e2" }),
    frame("snapshot", { sequence: 3, jobs: [job("a", 3)], more: false }),
    frame("caught_up", { sequence: 3 }),
  );

  expect(replay.state()).toEqual({ name: "live", missed: 0, restarted: true });
  expect(replay.read(event(4))).toMatchObject({ cursor: { epoch: "e2", sequence: 4 } });
});
