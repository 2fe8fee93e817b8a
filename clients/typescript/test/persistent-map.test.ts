/** Persistent maps: each one stays as it was, and shows what an ordinary map would. */
import { expect, test } from "vitest";
import { persistentMap } from "../src/live/persistent-map.js";

interface Value {
  made: number;
}

interface Moment {
  map: ReadonlyMap<string, Value>;
  copy: [string, Value][];
}

/** Maps that follow one another while an ordinary map changes `turns` times, each with a copy of that. */
function history(turns: number, keys: number): Moment[] {
  const source = new Map<string, Value>();
  let latest = persistentMap<Value>(new Map());
  return Array.from({ length: turns }, (_, turn) => {
    const changed = new Set([1, 7, 31].map((step) => `k${String((turn * step) % keys)}`));
    for (const key of changed) {
      if (turn % 3 === 2) source.delete(key);
      else source.set(key, { made: turn });
    }
    latest = latest.with(changed, source);
    return { map: latest, copy: [...source] };
  });
}

const sorted = (entries: Iterable<[string, Value]>): string[] =>
  [...entries].map(([key, { made }]) => `${key} ${String(made)}`).sort();

test("a map stays as it was, however often the next ones differ from it", () => {
  for (const { map, copy } of history(900, 300)) {
    expect(map.size).toBe(copy.length);
    expect(sorted(map)).toEqual(sorted(copy));
  }
});

test("one entry is found as in an ordinary map", () => {
  for (const { map, copy } of history(600, 900).slice(-3)) {
    expect(copy.map(([key]) => map.get(key))).toEqual(copy.map(([, value]) => value));
    expect(copy.every(([key]) => map.has(key))).toBe(true);
    expect(map.has("nowhere")).toBe(false);
  }
});

test("every way to look at all entries shows the same", () => {
  for (const { map } of history(50, 20)) {
    const told: [string, Value][] = [];
    map.forEach((value, key) => told.push([key, value]));

    expect(told).toEqual([...map.entries()]);
    expect([...map.keys()]).toEqual(told.map(([key]) => key));
    expect([...map.values()]).toEqual(told.map(([, value]) => value));
  }
});

test("thousands of entries are copied once for many changes", () => {
  let copies = 0;
  class Counted extends Map<string, Value> {
    override [Symbol.iterator](): MapIterator<[string, Value]> {
      copies++;
      return super[Symbol.iterator]();
    }
  }
  const source = new Counted(
    Array.from({ length: 5_000 }, (_, made) => [`k${String(made)}`, { made }]),
  );
  copies = 0;
  let map = persistentMap<Value>(source);
  for (let turn = 0; turn < 400; turn++) map = map.with(new Set([`k${String(turn)}`]), source);

  expect(map.get("k7")).toEqual({ made: 7 });
  expect(copies).toBe(0);
});
