import { defineConfig } from "tsdown";

export default defineConfig({
  entry: ["src/heliograph.ts", "src/react.ts"],
  format: "esm",
  platform: "neutral",
  target: "es2022",
  dts: true,
  minify: true,
  fixedExtension: false,
});
