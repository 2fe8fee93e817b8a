import { readFileSync } from "node:fs";
import { defineConfig } from "tsdown";

const noble = new URL("../../node_modules/@noble/hashes/LICENSE", import.meta.url);

const all = {
  format: "esm",
  platform: "neutral",
  target: "es2022",
  dts: true,
  minify: true,
  clean: false,
  fixedExtension: false,
  outputOptions: { comments: { annotation: false } }, // nobody takes a part of so little
};

export default defineConfig([
  {
    ...all,
    entry: "src/heliograph.ts",
    // the library comes with its licence, in a file of its own
    outputOptions: {
      ...all.outputOptions,
      chunkFileNames: "heliograph-sha256.js",
      banner: ({ isEntry }) =>
        isEntry ? "" : `/*! @noble/hashes\n${readFileSync(noble, "utf8")}*/`,
    },
  },
  // the hooks are about the same classes
  { ...all, entry: "src/react.ts", deps: { neverBundle: [/\/heliograph\.js$/] } },
]);
