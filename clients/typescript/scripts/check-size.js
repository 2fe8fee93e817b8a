// What a page loads stays small: the built client, gzipped.
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

const LIMIT = 8_000; // bytes

const built = await readFile(new URL("../dist/heliograph.js", import.meta.url));
const size = gzipSync(built, { level: 9 }).length;
if (size > LIMIT) throw new Error(`heliograph.js has ${size} bytes gzipped, of ${LIMIT}`);
