/** What is not in the live stream is asked for again and again. */

import { access } from "./access.svelte";

/** Look now, and then again while the page is seen and somebody is signed in. Returns how to stop. */
export function pollEvery(milliseconds: number, look: () => void): () => void {
  const turn = () => {
    if (!document.hidden && access.standing === "signed-in") look();
  };
  turn();
  const timer = setInterval(turn, milliseconds);
  return () => clearInterval(timer);
}
