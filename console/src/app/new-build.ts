/** A tab that is older than the build asks for files that are gone: the page is loaded anew, but not in a loop. */

import { tabStorage } from "./browser-storage";
import { toasts } from "./toasts.svelte";

const RELOADED = "heliograph.reloaded"; // of this tab: when, in milliseconds since 1970
const SOON = 60_000; // milliseconds

export function reloadOnNewBuild(): void {
  addEventListener("vite:preloadError", (event) => {
    event.preventDefault();
    const isSecond = Date.now() - Number(tabStorage.get(RELOADED)) < SOON;
    if (isSecond || !tabStorage.set(RELOADED, String(Date.now()))) {
      toasts.show("A part of this page is not there. Load the page anew.", { tone: "bad" });
      return;
    }
    location.reload();
  });
}

/** The module of a part of the page. It never comes where the part is not there: what then, is decided above. */
export async function loaded<T>(part: Promise<T>): Promise<T> {
  const found = (await part) as T | undefined;
  return found ?? new Promise<T>(() => undefined);
}
