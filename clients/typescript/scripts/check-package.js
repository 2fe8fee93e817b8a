// The packed client, as npm would publish it, is one that every tool of its users can read.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folder = mkdtempSync(join(tmpdir(), "heliograph-client-"));
const run = (program, ...options) =>
  execFileSync(program, options, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });

try {
  const packed = run("npm", "pack", "--silent", "--pack-destination", folder).trim();
  const file = join(folder, packed);
  run("publint", "run", file, "--strict");
  run("attw", file, "--profile", "esm-only", "--format", "ascii");
} catch (error) {
  process.stderr.write(error.stdout ?? "");
  throw error;
} finally {
  rmSync(folder, { recursive: true });
}
