/** What the browser keeps for us. One that keeps nothing, as people may tell it, costs no more than memory. */

class BrowserStorage {
  readonly #open: () => Storage;
  /** Of this page, where the storage is blocked or full. */
  readonly #memory = new Map<string, string>();

  constructor(open: () => Storage) {
    this.#open = open;
  }

  get(name: string): string | null {
    return this.#memory.get(name) ?? this.#try((storage) => storage.getItem(name)) ?? null;
  }

  /** Returns whether it outlives the page. */
  set(name: string, value: string): boolean {
    const isKept = !!this.#try((storage) => {
      storage.setItem(name, value);
      return true;
    });
    if (isKept) this.#memory.delete(name);
    else this.#memory.set(name, value);
    return isKept;
  }

  remove(name: string): void {
    this.#memory.delete(name);
    this.#try((storage) => storage.removeItem(name));
  }

  names(): string[] {
    return [...this.#memory.keys(), ...(this.#try((storage) => Object.keys(storage)) ?? [])];
  }

  #try<T>(use: (storage: Storage) => T): T | undefined {
    try {
      return use(this.#open());
    } catch {
      return undefined; // blocked, or full
    }
  }
}

/** Over visits, in all tabs. */
export const browserStorage = new BrowserStorage(() => localStorage);
/** Of this tab, over its reloads. */
export const tabStorage = new BrowserStorage(() => sessionStorage);
