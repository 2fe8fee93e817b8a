import { describe, expect, test } from "vitest";
import {
  ago,
  bytes,
  counted,
  duration,
  money,
  ordinal,
  secondsBetween,
  words,
} from "../src/words/format";

describe("numbers as people read them", () => {
  test("money has as many decimals as it needs, and zero is free", () => {
    expect(["0", "0.003", "0.04", "1.2", "1234.5", null].map(money)).toEqual([
      "free",
      "$0.003",
      "$0.04",
      "$1.20",
      "$1,234.50",
      "free",
    ]);
  });

  test("durations change their unit, and a clock that runs behind is not negative", () => {
    expect([0.84, 14.4, 125, 11_400, -3].map(duration)).toEqual([
      "0.8 s",
      "14 s",
      "2 min 05 s",
      "3 h 10 min",
      "0 s",
    ]);
  });

  test("an open span lasts until now", () => {
    expect(secondsBetween("2026-11-30T10:00:00Z", null, Date.parse("2026-11-30T10:00:07Z"))).toBe(
      7,
    );
  });

  test("ordinals of the teens end in th", () => {
    expect([1, 2, 3, 4, 11, 12, 13, 21, 112].map(ordinal)).toEqual([
      "1st",
      "2nd",
      "3rd",
      "4th",
      "11th",
      "12th",
      "13th",
      "21st",
      "112th",
    ]);
  });

  test("one job is a job, two are jobs", () => {
    expect([counted(1, "job"), counted(2, "job"), counted(2, "entry", "entries")]).toEqual([
      "1 job",
      "2 jobs",
      "2 entries",
    ]);
  });

  test("names of the API become words", () => {
    expect([words("provider_queue"), words("shot")]).toEqual(["Provider queue", "Shot"]);
  });

  test("how long ago picks the unit", () => {
    const now = Date.parse("2026-11-30T10:00:00Z");
    expect(ago("2026-11-30T09:58:00Z", now)).toContain("2");
    expect(bytes(540_000)).toContain("540");
  });
});
