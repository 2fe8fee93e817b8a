import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

/** Every text colour with every ground that it lies on; WCAG 2.2 wants 4.5 for text, 3 for borders of fields. */
const GROUNDS = ["ground", "surface", "raised", "sunken"];
const PAIRS = [
  ...["text", "text-soft"].flatMap((text) => GROUNDS.map((ground) => [text, ground, 4.5] as const)),
  ...["accent", "good", "bad", "warn"].flatMap((text) =>
    ["ground", "surface", "raised", `${text}-soft`].map((ground) => [text, ground, 4.5] as const),
  ),
  ["on-accent", "accent", 4.5] as const,
  ["on-accent", "accent-strong", 4.5] as const,
  ["text", "accent-soft", 4.5] as const,
  ["line-strong", "surface", 3] as const,
  ["line-strong", "ground", 3] as const,
];

const css = readFileSync(new URL("../src/styles/tokens.css", import.meta.url), "utf8");
const tokens = Object.fromEntries(
  [...css.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)/g)].map(
    ([, name, light, dark]) => [name!, { light: light!, dark: dark! }],
  ),
);

const channel = (value: number) =>
  value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;

function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) =>
    channel(parseInt(colour.slice(at, at + 2), 16) / 255),
  );
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

function contrast(one: string, other: string): number {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high! + 0.05) / (low! + 0.05);
}

describe.each(["light", "dark"] as const)("contrast in the %s theme", (theme) => {
  test.each(PAIRS)("of %s on %s", (text, ground, least) => {
    expect(contrast(tokens[text]![theme], tokens[ground]![theme])).toBeGreaterThanOrEqual(least);
  });
});
