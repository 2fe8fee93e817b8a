/** Close codes of a live connection, and what they mean for the next try. */
import { NotReachable, Refused } from "../errors.js";
import type { Problem } from "../types.js";

export const UNAUTHENTICATED = 4401;
const FORBIDDEN = 4403;
/** Faults of a client; 1012 (restart), 1013 (busy), 4408 (too slow) and the rest pass. */
const FAULTS: ReadonlySet<number> = new Set([1003, 1008, 1009]);

/** Why coming back is of no use; undefined when it is. */
export function finalError(url: string, code: number, reason: string): Error | undefined {
  if (FAULTS.has(code)) return new NotReachable(url, `closed with ${code.toString()} ${reason}`);
  if (code === FORBIDDEN) return new Refused(problem("forbidden", 403, reason));
  if (code === UNAUTHENTICATED) return new Refused(problem("unauthenticated", 401, reason));
  return undefined;
}

function problem(code: string, status: number, reason: string): Problem {
  const detail = reason || "the live service refused the connection";
  return {
    ...{ type: `/problems/${code}`, title: detail, status, detail, code, instance: null },
    ...{ retryable: false, charged: null, retry_after: null, provider: null, trace_id: null },
    ...{ errors: [], next_actions: [] },
  };
}
