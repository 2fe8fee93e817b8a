/** Idempotency keys: 128 random bits, made once per logical call. */
import { toHex } from "./hex.js";

/** `crypto.randomUUID` is missing where a page is not a secure context. */
export function newIdempotencyKey(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(16)));
}
