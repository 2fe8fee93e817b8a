/** A close code tells whether coming back is of use. */
import { expect, test } from "vitest";
import { NotReachable, Refused } from "../src/errors.js";
import { finalError } from "../src/live/close-codes.js";

test.each([1000, 1001, 1006, 1012, 1013, 4408])("%i passes", (code) => {
  expect(finalError("ws://live", code, "")).toBeUndefined();
});

test.each([4401, 4403])("%i is a refusal", (code) => {
  expect(finalError("ws://live", code, "not yours")).toBeInstanceOf(Refused);
});

test.each([1003, 1008, 1009])("%i is a fault that comes again", (code) => {
  expect(finalError("ws://live", code, "")).toBeInstanceOf(NotReachable);
});
