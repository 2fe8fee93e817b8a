import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

/** Where the gateway is while a view is being written: `npm run dev` asks it for everything under /v1. */
const gateway = "http://127.0.0.1:8080";
const proxy = { "/v1": gateway, "/docs": gateway };

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: ["chrome123", "firefox120", "safari17.5"], // the first with light-dark()
    license: true, // writes dist/.vite/license.md: the notices of the libraries in the build
    assetsInlineLimit: 0, // every file has an address: the page's policy allows no inline fonts
    modulePreload: { polyfill: false },
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  server: { proxy },
  preview: { proxy },
});
