const RELOADED = "heliograph.reloaded";

/** A tab that is older than the build asks for files that are gone: load the page anew, once. */
export function reloadOnNewBuild(): void {
  addEventListener("vite:preloadError", (event) => {
    if (sessionStorage.getItem(RELOADED)) return; // once: a build that lacks a file must not loop
    sessionStorage.setItem(RELOADED, "yes");
    event.preventDefault();
    location.reload();
  });
}
