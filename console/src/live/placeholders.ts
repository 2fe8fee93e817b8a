/** What stands in for a picture until its bytes are here: its colours, from the 25 bytes of its ThumbHash. */

import { thumbHashToDataURL } from "thumbhash";
import type { Asset } from "./types";

const MOST = 500;
const drawn = new Map<string, string>();

/** The first variant's placeholder, as a `data:` address; none where the asset has no ThumbHash. */
export function placeholderOf({ variants }: Asset): string | null {
  const hash = Object.values(variants).find(({ thumbhash }) => thumbhash)?.thumbhash;
  if (!hash) return null;
  const known = drawn.get(hash);
  if (known) return known;
  const address = draw(hash);
  if (address) {
    if (drawn.size >= MOST) drawn.clear();
    drawn.set(hash, address);
  }
  return address;
}

function draw(hash: string): string | null {
  try {
    return thumbHashToDataURL(Uint8Array.from(atob(hash), (each) => each.charCodeAt(0)));
  } catch {
    return null; // an odd one hides no picture
  }
}
