/** What the platform says of the network and of the page. Node says nothing. */

export interface NetworkListener {
  /** Connections are gone, or about to be frozen with the page. */
  lost: () => void;
  /** A try may work now. */
  found: () => void;
  /** The page was asleep: is the connection still there? */
  awake: () => void;
}

/** Listen; returns how to stop. */
export function listenToNetwork({ lost, found, awake }: NetworkListener): () => void {
  if (typeof document === "undefined") return () => undefined;
  const ended = new AbortController();
  const { signal } = ended;
  const shown = (): void => {
    if (document.visibilityState === "visible") awake();
  };
  for (const name of ["offline", "pagehide"]) addEventListener(name, lost, { signal });
  for (const name of ["online", "pageshow"]) addEventListener(name, found, { signal });
  document.addEventListener("visibilitychange", shown, { signal });
  return () => {
    ended.abort();
  };
}
