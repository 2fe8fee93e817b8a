/** The store of jobs: the newest view of each job, published once per moment, and bounded. */
import { expect, test, vi } from "vitest";
import { type JobChange, JobStore, type StoreInput } from "../src/live/store.js";
import type { Job } from "../src/types.js";

const job = (id: string, revision: number, fields: Partial<Job> = {}): Job =>
  ({ id, revision, status: "running", attempt: 1, progress: null, ...fields }) as Job;
const event = (each: Job): JobChange => ({
  kind: "event",
  type: "heliograph.job.started.v1",
  job: each,
  cursor: { epoch: "e", sequence: each.revision },
});
const progress = (id: string, percent: number): JobChange => ({
  kind: "progress",
  job: id,
  phase: "rendering",
  progress: { percent, basis: null, provider_position: null, eta_seconds: null, logs: [] },
});

function aStore(known: Job[] = [], keep?: number): { store: JobStore; input: StoreInput } {
  let input!: StoreInput;
  const source = (given: StoreInput): { close(): void } => {
    input = given;
    return { close: () => undefined };
  };
  return { store: new JobStore(source, known, keep), input };
}

const published = async (store: JobStore, holds: (store: JobStore) => boolean): Promise<void> => {
  await vi.waitFor(() => {
    expect(holds(store)).toBe(true);
  });
};

test("an older view of a job changes nothing, whichever way it comes", async () => {
  const { store, input } = aStore([job("a", 3)]);

  input.event(event(job("a", 2)));
  store.put(job("a", 1));
  input.event(event(job("b", 1)));

  await published(store, ({ jobs }) => jobs.has("b"));
  expect(store.jobs.get("a")?.revision).toBe(3);
});

test("progress is the latest, and stays when an event tells none", async () => {
  const { store, input } = aStore([job("a", 3)]);

  input.event(progress("a", 10));
  input.event(progress("a", 40));
  input.event(event(job("a", 4)));

  await published(store, ({ jobs }) => jobs.get("a")?.revision === 4);
  expect(store.jobs.get("a")?.progress?.percent).toBe(40);
});

test("progress that comes after the end is left out", async () => {
  const { store, input } = aStore([job("a", 3, { status: "succeeded", phase: "done" })]);

  input.event(progress("a", 90));
  input.event(event(job("b", 1)));

  await published(store, ({ jobs }) => jobs.has("b"));
  expect(store.jobs.get("a")?.phase).toBe("done");
});

test("a snapshot takes the place of all that was known", async () => {
  const { store, input } = aStore([job("a", 3), job("b", 3)]);

  input.event({ kind: "snapshot", jobs: [job("b", 1)], cursor: { epoch: "f", sequence: 1 } });

  await published(store, ({ jobs }) => !jobs.has("a"));
  expect(store.jobs.get("b")?.revision).toBe(1);
  expect([...store.getSnapshot().changed].sort()).toEqual(["a", "b"]);
});

test("many changes in a moment are published once, as a snapshot that does not change", async () => {
  const { store, input } = aStore();
  const snapshots: unknown[] = [];
  store.subscribe((snapshot) => snapshots.push(snapshot));

  for (let number = 0; number < 100; number++) input.event(event(job(String(number), 1)));

  const before = store.jobs;
  await published(store, ({ jobs }) => jobs.size === 100);
  expect(snapshots).toHaveLength(2);
  expect(before.size).toBe(0);
});

test("jobs that are over are forgotten beyond a number, the oldest first", async () => {
  const over = (id: string, finished_at: string): Job => job(id, 1, { finished_at });
  const { store, input } = aStore([], 2);

  for (const each of [over("b", "2030-01-02"), over("a", "2030-01-01"), job("open", 1)]) {
    input.event(event(each));
  }

  await published(store, ({ jobs }) => jobs.has("open"));
  expect([...store.jobs.keys()].sort()).toEqual(["b", "open"]);
});

test("a closed store says so, and tells nobody anything more", () => {
  const { store } = aStore([job("a", 1)]);
  const told: string[] = [];
  store.subscribe(({ state }) => told.push(state.name));

  store.close();
  store.put(job("b", 1));

  expect(told).toEqual(["connecting", "closed"]);
});
