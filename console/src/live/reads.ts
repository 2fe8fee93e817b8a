/** Reads of one thing, made again and again: an answer that a later one has overtaken is out of date. */
export class Reads {
  #begun = 0;
  #shown = 0;

  /** Calls `show` with the answer, unless a read that was begun later was shown already. Throws what `answer` does. */
  async show<T>(answer: PromiseLike<T>, show: (found: T) => void): Promise<void> {
    const turn = ++this.#begun;
    const found = await answer;
    if (turn < this.#shown) return;
    this.#shown = turn;
    show(found);
  }
}
