/** The page's address: which view it names, and its query. */

import { routeOf } from "./routes";

export { to } from "./routes";

class Address {
  path = $state(location.pathname);
  query = $state.raw(new URLSearchParams(location.search));
  readonly route = $derived(routeOf(this.path));

  constructor() {
    addEventListener("popstate", () => this.#read());
  }

  /** Show another view. `replace` leaves no entry in the history. */
  go(href: string, { replace = false } = {}): void {
    const before = this.path;
    history[replace ? "replaceState" : "pushState"](null, "", href);
    this.#read();
    if (this.path !== before) scrollTo(0, 0);
  }

  /** Change the query only: an empty value removes its name. */
  ask(changes: Record<string, string>, { replace = true } = {}): void {
    const query = new URLSearchParams(this.query);
    for (const [name, value] of Object.entries(changes)) {
      if (value) query.set(name, value);
      else query.delete(name);
    }
    const text = query.toString();
    this.go(this.path + (text ? `?${text}` : ""), { replace });
  }

  #read(): void {
    this.path = location.pathname;
    this.query = new URLSearchParams(location.search);
  }
}

export const address = new Address();

/** Follow links of the console without loading the page anew. For `onclick` of the root. */
export function followLink(event: MouseEvent): void {
  if (
    event.defaultPrevented ||
    event.button ||
    event.metaKey ||
    event.ctrlKey ||
    event.shiftKey ||
    event.altKey
  )
    return;
  const link = (event.target as Element).closest<HTMLAnchorElement>("a[href]");
  if (!link || link.target || link.origin !== location.origin || link.hasAttribute("download"))
    return;
  if (link.hash && link.pathname === location.pathname) return; // a place on this page
  if (routeOf(link.pathname).view === "unknown") return;
  event.preventDefault();
  address.go(link.pathname + link.search);
}
