import { describe, expect, test } from "vitest";
import { chosen, fieldsOf } from "../src/request/fields";

const properties = {
  aspect_ratio: { enum: ["1:1", "16:9"], default: "1:1" },
  num_images: { type: "integer", minimum: 1, maximum: 4, default: 1 },
  seed: { type: "integer", minimum: 0, title: "Seed", "x-advanced": true },
  price: { anyOf: [{ type: "number", maximum: 1000 }, { type: "string" }] },
  raw: { type: "boolean" },
};

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
