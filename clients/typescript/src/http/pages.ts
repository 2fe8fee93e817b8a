/** Pagination: awaited, a list is its first page; iterated, it is all of its items. */

export interface Page<T> {
  items: T[];
  /** Continues the list, as `cursor`; null at its end. */
  next: string | null;
}

export class Pages<P extends Page<T>, T = P["items"][number]> implements PromiseLike<P> {
  readonly #load: (cursor?: string) => PromiseLike<P>;

  constructor(load: (cursor?: string) => PromiseLike<P>) {
    this.#load = load;
  }

  then<A = P, B = never>(
    onPage?: ((page: P) => A | PromiseLike<A>) | null,
    onError?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): PromiseLike<A | B> {
    return this.#load().then(onPage, onError);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    let cursor: string | undefined;
    do {
      const page: P = await this.#load(cursor);
      yield* page.items;
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
  }
}
