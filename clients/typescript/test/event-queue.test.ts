/** The buffer between a feed and its reader is bounded, ordered, and ends with what it holds. */
import { expect, test } from "vitest";
import { EventQueue } from "../src/live/event-queue.js";
import type { LiveEvent } from "../src/live/events.js";

const event = (sequence: number): LiveEvent =>
  ({ kind: "event", cursor: { epoch: "e", sequence } }) as LiveEvent;
const progress = (job: string, phase: string): LiveEvent =>
  ({ kind: "progress", job, phase }) as LiveEvent;

test("a reader that waits is given the next event", async () => {
  const queue = new EventQueue(10);
  const taken = queue.take();

  queue.put(event(1));

  expect(await taken).toEqual(event(1));
});

test("of the progress of a job, only the latest is kept", async () => {
  const queue = new EventQueue(10);
  for (const each of [progress("a", "one"), progress("b", "one"), progress("a", "two")]) {
    queue.put(each);
  }

  expect([await queue.take(), await queue.take()]).toEqual([
    progress("b", "one"),
    progress("a", "two"),
  ]);
  expect(queue.isEmpty).toBe(true);
});

test("it says when it is full", () => {
  const queue = new EventQueue(2);

  queue.put(event(1));
  expect(queue.isFull).toBe(false);
  queue.put(event(2));
  expect(queue.isFull).toBe(true);
});

test("what is there at the end can still be taken, and the error comes after it", async () => {
  const queue = new EventQueue(10);
  queue.put(event(1));

  queue.close(new Error("over"));

  expect(await queue.take()).toEqual(event(1));
  await expect(queue.take()).rejects.toThrow("over");
});
