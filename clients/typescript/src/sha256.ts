/** SHA-256 of a file, in hex. */
import { toHex } from "./hex.js";

const AT_ONCE = 64 * 1024 * 1024; // bytes: the platform's digest takes a whole buffer only

/**
 * By the platform where that is possible. It offers no digest outside secure contexts, and none that
 * goes piece by piece: then a library does it, which is loaded when it is needed.
 */
export async function sha256Hex(file: Blob): Promise<string> {
  const subtle = (crypto as Partial<Crypto>).subtle;
  if (subtle && file.size <= AT_ONCE) {
    return toHex(new Uint8Array(await subtle.digest("SHA-256", await file.arrayBuffer())));
  }
  const { sha256 } = await import("@noble/hashes/sha2.js");
  const digest = sha256.create();
  for await (const piece of file.stream()) digest.update(piece);
  return toHex(digest.digest());
}
