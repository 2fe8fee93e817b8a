/** Who looks at the console, and what they may do there. Where nobody has to sign in, everybody may do all. */

import { NotReachable, Refused } from "@heliograph/client";
import { gateway, whenUnauthenticated } from "../live/api";
import { currentSession, endSession, openSession } from "../live/session";
import type { Scope, Session } from "../live/types";
import { session } from "./session.svelte";

/** `ended`: somebody was signed in when the session ended; what they had before them stays. */
type Standing = "unknown" | "signed-out" | "signed-in" | "ended";

const ASK_AGAIN = 2000; // milliseconds, while the gateway does not answer

class Access {
  standing = $state<Standing>("unknown");
  who = $state.raw<Session | null>(null);
  /** Ways to sign in; none where nobody has to. */
  ways = $state.raw<readonly string[]>([]);
  /** How often somebody has come in: views that were shown to somebody else are made anew. */
  visits = $state(0);
  readonly isInside = $derived(this.standing === "signed-in" || this.standing === "ended");

  /** Find out who it is. */
  async look(): Promise<void> {
    whenUnauthenticated(() => this.#expire());
    try {
      this.ways = (await gateway.index()).sign_in;
      this.#enter(this.ways.length ? await currentSession() : null);
    } catch (error) {
      if (error instanceof Refused && error.problem.status === 401) this.standing = "signed-out";
      else setTimeout(() => void this.look(), ASK_AGAIN);
    }
  }

  may(scope: Scope): boolean {
    const scopes = this.who?.scopes;
    return !scopes || scopes.includes(scope) || scopes.includes("admin");
  }

  /** Raises what the gateway says against the key. */
  async signIn(key: string): Promise<void> {
    this.#enter(await openSession(key));
  }

  async signOut(): Promise<void> {
    await endSession();
    this.who = null;
    this.standing = "signed-out";
    session.leave();
  }

  #enter(who: Session | null): void {
    this.who = who;
    this.visits += 1;
    this.standing = "signed-in";
    session.begin(who?.projects ?? null, this.may("usage:read"));
  }

  #expire(): void {
    if (this.standing === "signed-in" && this.ways.length) this.standing = "ended";
  }
}

export const access = new Access();

/** Why somebody could not sign in with a key. */
export function refusalOfKey(error: unknown): string {
  if (error instanceof NotReachable) return "The gateway does not answer. Try again in a moment.";
  if (error instanceof Refused && error.problem.status === 401)
    return "This key does not work. It may be mistyped, revoked or expired.";
  if (error instanceof Refused) return error.problem.detail || error.problem.title;
  return String(error);
}
