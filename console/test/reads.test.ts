import { expect, test } from "vitest";
import { Reads } from "../src/live/reads";

/** Reads of a text, the things that were shown, and how to answer each read. */
function reading(times: number) {
  const reads = new Reads();
  const shown: string[] = [];
  const answer: ((text: string) => Promise<void>)[] = [];
  for (let number = 0; number < times; number++) {
    let resolve: (text: string) => void;
    const text = new Promise<string>((resolved) => (resolve = resolved));
    const read = reads.show(text, (found) => void shown.push(found));
    answer.push((found) => {
      resolve(found);
      return read;
    });
  }
  return { answer, shown };
}

test("an answer that a later one has overtaken is not shown", async () => {
  const { answer, shown } = reading(2);
  await answer[1]!("new");
  await answer[0]!("old");

  expect(shown).toEqual(["new"]);
});

test("an answer is shown although a later read is on its way", async () => {
  const { answer, shown } = reading(2);
  await answer[0]!("old");

  expect(shown).toEqual(["old"]);
  await answer[1]!("new");
  expect(shown).toEqual(["old", "new"]);
});

test("a read that fails says so and leaves what is shown", async () => {
  const reads = new Reads();
  const shown: string[] = [];
  await reads.show(Promise.resolve("old"), (found) => void shown.push(found));
  const failing = reads.show(
    Promise.reject<string>(new Error("away")),
    (found) => void shown.push(found),
  );

  await expect(failing).rejects.toThrow("away");
  expect(shown).toEqual(["old"]);
});
