/** Answer of a call: a promise of its content, which can tell the response as well. */
import type { Reply } from "./transport.js";

export interface WithResponse<T> {
  data: T;
  response: Response;
  /** The service answered a repeat: it had this request before, and did it once. */
  replayed: boolean;
}

export class Answer<T> implements PromiseLike<T> {
  readonly #reply: Promise<Reply>;

  constructor(reply: Promise<Reply>) {
    this.#reply = reply;
  }

  then<A = T, B = never>(
    onAnswer?: ((data: T) => A | PromiseLike<A>) | null,
    onError?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#reply.then(({ body }) => body as T).then(onAnswer, onError);
  }

  catch<B>(onError: (reason: unknown) => B | PromiseLike<B>): Promise<T | B> {
    return this.then(undefined, onError);
  }

  finally(onEnd: () => void): Promise<T> {
    return this.then().finally(onEnd);
  }

  /** The content with its response and headers. */
  async withResponse(): Promise<WithResponse<T>> {
    const { response, body } = await this.#reply;
    const replayed = response.headers.get("Idempotency-Replayed") === "true";
    return { data: body as T, response, replayed };
  }
}
