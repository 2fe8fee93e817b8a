/** A call that costs money, made by a button: pressed again after a lost answer, it is the same call. */

import { Refused } from "@heliograph/client";

export interface Call<T> {
  /** What is asked for. The same text is the same request. */
  written: string;
  /** Fix its price. Returns how to send it under a key. */
  bind: () => Promise<(key: string) => Promise<T>>;
}

export class Submission<T> {
  /** What was sent, and had no answer that says how it stands. */
  #open: { written: string; key: string; send: (key: string) => Promise<T> } | null = null;

  constructor(readonly newKey: () => string) {}

  /**
   * Send a request. One that had no answer goes out as it was, under its key and at its price: it may
   * have been accepted.
   */
  async send({ written, bind }: Call<T>): Promise<T> {
    if (this.#open?.written !== written)
      this.#open = { written, key: this.newKey(), send: await bind() };
    try {
      const made = await this.#open.send(this.#open.key);
      this.#open = null;
      return made;
    } catch (error) {
      if (error instanceof Refused && !error.retryable) this.#open = null;
      throw error;
    }
  }
}
