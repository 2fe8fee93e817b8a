import { describe, expect, test } from "vitest";
import type { Kind, Lane, Model } from "../src/live/types";
import { chosen, fieldsOf } from "../src/request/fields";
import { estimate, priceWords, waitWords } from "../src/request/price";

const properties = {
  aspect_ratio: { enum: ["1:1", "16:9"], default: "1:1" },
  num_images: { type: "integer", minimum: 1, maximum: 4, default: 1 },
  seed: { type: "integer", minimum: 0, title: "Seed", "x-advanced": true },
  price: { anyOf: [{ type: "number", maximum: 1000 }, { type: "string" }] },
  raw: { type: "boolean" },
};
const priced = (price: Partial<Model["price"]>) =>
  ({ parameters: { properties }, price }) as unknown as Model;
const lane = (state: Partial<Lane>) =>
  ({ name: "shots", cap: 2, in_use: 0, waiting: 0, paused: false, ...state }) as Lane;
const kind = { expected_seconds: 10 } as Kind;

describe("a form made from a schema", () => {
  const fields = fieldsOf(properties);

  test("each type of value has its control", () => {
    expect(fields.map(({ control }) => control)).toEqual([
      "choice",
      "number",
      "number",
      "number",
      "switch",
    ]);
  });

  test("what a schema calls advanced is behind more settings", () => {
    expect(fields.filter(({ advanced }) => advanced).map(({ name }) => name)).toEqual(["seed"]);
  });

  test("a unit that the title says is not said again", () => {
    const units = fieldsOf({
      num_images: { title: "Pictures", "x-unit": "pictures" },
      duration_seconds: { title: "Length", "x-unit": "seconds" },
    }).map(({ unit }) => unit);
    expect(units).toEqual(["", "seconds"]);
  });

  test("only what somebody chose is sent", () => {
    expect(
      chosen(fields, {
        aspect_ratio: "1:1",
        num_images: 2,
        seed: undefined,
        raw: false,
        price: "",
      }),
    ).toEqual({ num_images: 2, raw: false });
  });
});

describe("the price before the button", () => {
  test("pictures cost by their number, films by their seconds", () => {
    expect(
      estimate(priced({ amount: "0.04", unit: "image" }), { num_images: 3 }).amount,
    ).toBeCloseTo(0.12);
    expect(
      estimate(priced({ amount: "0.1", unit: "second" }), { duration_seconds: 8 }).amount,
    ).toBeCloseTo(0.8);
  });

  test("a price by megapixel is told as about", () => {
    expect(priceWords(estimate(priced({ amount: "0.003", unit: "megapixel" }), {}))).toBe(
      "about $0.003",
    );
  });

  test("the sim costs what its parameter says", () => {
    expect(priceWords(estimate(priced({ amount: "0", parameter: "price" }), { price: 0.28 }))).toBe(
      "$0.28",
    );
    expect(priceWords(estimate(priced({ amount: "0", parameter: "price" }), {}))).toBe("free");
  });
});

describe("the wait before the button", () => {
  test("a lane with room starts at once", () =>
    expect(waitWords(lane({ in_use: 1 }), kind)).toBe("starts at once"));
  test("a full lane tells the place and the time", () =>
    expect(waitWords(lane({ in_use: 2, waiting: 2 }), kind)).toBe("3rd in shots, about 20 s"));
  test("a paused lane says so", () =>
    expect(waitWords(lane({ paused: true }), kind)).toContain("paused"));
});
