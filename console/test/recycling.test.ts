import { expect, test } from "vitest";
import { arranged, recycled } from "../src/jobs/recycling";

const rows = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, place) => `job_${from + place}`);

test("rows that are scrolled in take the elements of those that are scrolled out", () => {
  const before = recycled(new Map(), rows(0, 10));
  const after = recycled(before, rows(6, 16));

  expect(after.get("job_8")).toBe(before.get("job_8"));
  expect([...after.values()].sort((a, b) => a - b)).toEqual(
    [...before.values()].sort((a, b) => a - b),
  );
});

test("a row keeps its element when others come before it", () => {
  const before = recycled(new Map(), rows(5, 10));
  const after = recycled(before, rows(3, 10));

  for (const id of rows(5, 10)) expect(after.get(id)).toBe(before.get(id));
  expect(new Set(after.values()).size).toBe(7);
});

test("the element with the focus is given to no other row", () => {
  const before = recycled(new Map(), rows(0, 4));
  const held = before.get("job_2")!;
  const after = recycled(before, rows(10, 14), held);

  expect([...after.values()]).not.toContain(held);
  expect(new Set(after.values()).size).toBe(4);
});

test("elements stay where they are in the document, and new ones come last", () => {
  expect(arranged([2, 0, 1], [0, 1, 2])).toEqual([2, 0, 1]);
  expect(arranged([2, 0, 1], [3, 0, 2])).toEqual([2, 0, 3]);
});

test("where all rows are others, each element stays in its place", () => {
  const before = recycled(new Map(), rows(10, 20));
  const after = recycled(before, rows(0, 10));

  expect([...after.values()]).toEqual([...before.values()]);
});

test("some new rows at the top take the elements of those that went, and the others keep theirs", () => {
  const before = recycled(new Map(), rows(3, 13));
  const after = recycled(before, rows(0, 10));

  expect(after.get("job_3")).toBe(before.get("job_3"));
  expect(new Set(after.values())).toEqual(new Set(before.values()));
});
