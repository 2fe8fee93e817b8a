/** Coalescing: many changes in a moment are published once, with the next frame of the page. */

const HIDDEN = 100; // milliseconds: pages that are not seen have no frames

/** A function that asks for `publish`, which then runs once however often it was asked for. */
export function coalesced(publish: () => void): () => void {
  let isAsked = false;
  const run = (): void => {
    if (!isAsked) return;
    isAsked = false;
    publish();
  };
  return () => {
    if (isAsked) return;
    isAsked = true;
    const hasFrames = typeof requestAnimationFrame === "function";
    if (hasFrames) requestAnimationFrame(run);
    setTimeout(run, hasFrames ? HIDDEN : 16);
  };
}
