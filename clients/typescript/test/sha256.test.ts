/** The digest of a file is the same by the platform and by the library. */
import { createHash } from "node:crypto";
import { afterEach, expect, test, vi } from "vitest";
import { sha256Hex } from "../src/sha256.js";

const FILE = new Blob(["a lighthouse ".repeat(20_000), "at night"]);
const digest = async (): Promise<string> =>
  createHash("sha256")
    .update(new Uint8Array(await FILE.arrayBuffer()))
    .digest("hex");

afterEach(() => {
  vi.unstubAllGlobals();
});

test("by the platform", async () => {
  expect(await sha256Hex(FILE)).toBe(await digest());
});

test("outside a secure context, where the platform has none", async () => {
  const expected = await digest();
  vi.stubGlobal("crypto", {});

  expect(await sha256Hex(FILE)).toBe(expected);
});
