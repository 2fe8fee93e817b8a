/** A tab that is older than the build asks for files that are gone: the page is loaded anew, but not in a loop. */

import { gatewayUrl } from "../live/path-prefix";
import { tabStorage } from "./browser-storage";
import { toasts } from "./toasts.svelte";

const RELOADED = "heliograph.reloaded"; // of this tab: when, in milliseconds since 1970
const SOON = 60_000; // milliseconds
const ASK_AGAIN = 2000; // milliseconds, while the gateway does not answer

export function reloadOnNewBuild(): void {
  addEventListener("vite:preloadError", (event) => {
    event.preventDefault();
    void reload();
  });
}

async function reload(): Promise<void> {
  if (!(await isReachable())) return reloadLater();
  const isSecond = Date.now() - Number(tabStorage.get(RELOADED)) < SOON;
  if (isSecond || !tabStorage.set(RELOADED, String(Date.now()))) {
    toasts.show("A part of this page is not there. Load the page anew.", { tone: "bad" });
    return;
  }
  location.reload();
}

let awaited = ""; // the address of a part that is waited for: each of its files says that it is not there

/** To load the page while nobody answers would lose what is there. Whoever has gone elsewhere stays there. */
async function reloadLater(): Promise<void> {
  const wanted = location.href;
  if (awaited === wanted) return;
  awaited = wanted;
  toasts.show("This page comes as soon as the gateway is reached again.", { tone: "bad" });
  while (location.href === wanted && !(await isReachable()))
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN));
  awaited = "";
  if (location.href === wanted) location.reload();
}

/** Whatever it answers. */
const isReachable = () =>
  fetch(`${gatewayUrl()}/v1`, { cache: "no-store" }).then(
    () => true,
    () => false,
  );

/** The module of a part of the page. It never comes where the part is not there: what then, is decided above. */
export async function loaded<T>(part: Promise<T>): Promise<T> {
  const found = (await part) as T | undefined;
  return found ?? new Promise<T>(() => undefined);
}
