/** Signing in by the identity provider leaves the page, and comes back to it. */

import { singleSignOn } from "../live/session";
import { tabStorage } from "./browser-storage";
import { to } from "./routes";

const PLACE = "heliograph.place"; // of this tab: where somebody wanted to be

const FAILURES: Record<string, string> = {
  denied: "The identity provider did not let you in.",
  not_allowed:
    "You are known, but nothing here is shared with you. Ask whoever runs this deployment.",
  expired: "That took too long, or ended in another browser. Try again.",
  unavailable: "The identity provider does not answer. Try again in a moment.",
};

/** What `?failed=` of the sign-in page stands for. */
export const failureOf = (code: string | null) =>
  code === null ? "" : (FAILURES[code] ?? "Signing in did not work. Try again.");

/** Go to the identity provider. */
export async function leaveForSignIn(place: string): Promise<void> {
  const address = await singleSignOn(place);
  if (!address) return;
  tabStorage.set(PLACE, place);
  location.assign(address);
}

/** The place that somebody wanted to be at when signing in failed; the first page without one. */
export function placeAfterSignIn(): string {
  const place = tabStorage.get(PLACE) ?? to.projects;
  tabStorage.remove(PLACE);
  return place;
}
