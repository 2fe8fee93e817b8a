import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";

/** Where the gateway is while a view is being written: `npm run dev` asks it for everything under /v1. */
const gateway = "http://127.0.0.1:8080";
const proxy = { "/v1": gateway, "/docs": gateway };

/** Scripts and styles compressed once, beside the files: the gateway sends what a browser can read. */
const compressed: Plugin = {
  name: "compressed",
  writeBundle({ dir = "" }) {
    const assets = join(dir, "assets");
    for (const name of readdirSync(assets)) {
      if (!/\.(js|css)$/.test(name)) continue;
      const bytes = readFileSync(join(assets, name));
      writeFileSync(join(assets, `${name}.br`), brotliCompressSync(bytes));
      writeFileSync(join(assets, `${name}.gz`), gzipSync(bytes, { level: 9 }));
    }
  },
};

export default defineConfig({
  plugins: [svelte(), compressed],
  build: {
    target: ["chrome123", "firefox120", "safari17.5"], // the first with light-dark()
    license: true, // writes dist/.vite/license.md: the notices of the libraries in the build
    assetsInlineLimit: 0, // every file has an address: the page's policy allows no inline fonts
    modulePreload: { polyfill: false },
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  // scripts and styles find each other wherever a proxy serves them; the gateway completes the page
  experimental: {
    renderBuiltUrl: (_, { hostType }) => (hostType === "html" ? undefined : { relative: true }),
  },
  server: { proxy },
  preview: { proxy },
});
