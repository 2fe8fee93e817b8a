/** Calls of the gateway, at the origin of the page. */

import type { Problem } from "./types";

const TIMEOUT = 30_000; // milliseconds

/** The service said no; `problem` says why, and what can be done. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

/** No answer came. The same call with the same key can be made again. */
export class NotReachable extends Error {}

/** A new idempotency key. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export async function call<T>(
  method: string,
  path: string,
  body?: unknown,
  key?: string,
): Promise<T> {
  const headers = {
    ...(body !== undefined && { "Content-Type": "application/json" }),
    ...(key && { "Idempotency-Key": key }),
  };
  const signal = AbortSignal.timeout(TIMEOUT);
  const written = body === undefined ? null : JSON.stringify(body);
  const answer = await fetch(path, { method, headers, body: written, signal }).catch((cause) => {
    throw new NotReachable("The gateway does not answer.", { cause });
  });
  const content: unknown = await answer.json();
  if (!answer.ok) throw new Refused(content as Problem);
  return content as T;
}

/** A query string; names without a value are left out. */
export function query(parameters: Record<string, string | number | undefined>): string {
  const given = Object.entries(parameters).filter(
    ([, value]) => value !== undefined && value !== "",
  );
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text && `?${text}`;
}
