/** Sessions of people at the gateway: a cookie that scripts never see. */

import { gateway } from "./api";
import type { Session } from "./types";

export const currentSession = (): PromiseLike<Session> => gateway.call("get", "/v1/session", {});

export const openSession = (key: string): PromiseLike<Session> =>
  gateway.call("post", "/v1/session", { body: { key } });

export const endSession = (): PromiseLike<unknown> => gateway.call("delete", "/v1/session", {});

/** Where a browser goes to sign in at the identity provider, to come back to a place of the console. */
export async function singleSignOn(place: string): Promise<string | null> {
  const { oidc } = (await gateway.index()).links;
  return oidc ? `${oidc}?return_to=${encodeURIComponent(place)}` : null;
}
