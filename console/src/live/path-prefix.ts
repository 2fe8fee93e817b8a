/** Where a proxy serves this deployment below a path of its own, as `https://site.example/app/`. */

const FILES = "/assets/"; // where a build has its scripts, and this module

/** The path before that folder in the address of a script: "" at the root of a host. */
export function prefixOf(script: string): string {
  const path = new URL(script).pathname;
  return path.slice(0, Math.max(0, path.lastIndexOf(FILES)));
}

export const prefix = prefixOf(import.meta.url);

/** The address of the gateway that serves this page. */
export const gatewayUrl = () => location.origin + prefix;
