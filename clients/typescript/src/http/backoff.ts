/** Backoff: pauses between tries, in milliseconds, with jitter. */

const FIRST = 200;
const LONGEST = 5_000;
/** A service that wants a longer pause than this is left alone; the caller decides. */
const PATIENCE = 60_000;

/** Exponential, of which a random half is left out so that clients do not come back at once. */
export function backoff(failures: number, random: () => number = Math.random): number {
  const pause = Math.min(FIRST * 2 ** Math.max(0, failures - 1), LONGEST);
  return pause * (0.5 + random() / 2);
}

/** The pause before the next try: the service's own if it named one. Undefined: do not try again. */
export function pauseBeforeRetry(failures: number, retryAfter?: number): number | undefined {
  if (retryAfter === undefined) return backoff(failures);
  return retryAfter > PATIENCE ? undefined : Math.max(retryAfter, backoff(failures));
}

/** Wait, or throw the reason of the signal. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
