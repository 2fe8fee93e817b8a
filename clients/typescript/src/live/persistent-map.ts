/** Maps that never change: the next one shares with the one before what stayed. To copy thousands of entries
 *  for each change would take a page more time than to show it. */

const MOST = 500; // entries that differ from those shared; beyond, all are copied once

type Entries<Value> = ReadonlyMap<string, Value>;

export interface PersistentMap<Value> extends Entries<Value> {
  /** The map in which `keys` have the values that `source` has, or are gone as they are there. */
  with(keys: ReadonlySet<string>, source: Entries<Value>): PersistentMap<Value>;
}

/** @param differing What differs from `shared`; undefined where it is gone. */
export function persistentMap<Value extends object>(
  shared: Entries<Value>,
  differing: Entries<Value | undefined> = new Map(),
): PersistentMap<Value> {
  let whole: Map<string, Value> | undefined;
  /** All entries in one map, for whoever looks at more than one. */
  const all = (): Map<string, Value> => {
    if (whole) return whole;
    whole = new Map(shared);
    for (const [key, value] of differing) {
      if (value) whole.set(key, value);
      else whole.delete(key);
    }
    return whole;
  };
  const get = (key: string): Value | undefined =>
    (differing.has(key) ? differing : shared).get(key);
  const entries = (): MapIterator<[string, Value]> => all().entries();
  return {
    get,
    has: (key) => !!get(key),
    get size() {
      return all().size;
    },
    entries,
    keys: () => all().keys(),
    values: () => all().values(),
    forEach: (told) => {
      all().forEach(told);
    },
    [Symbol.iterator]: entries,
    with: (keys, source) => {
      if (differing.size > MOST) return persistentMap(new Map(source));
      const next = new Map(differing);
      for (const key of keys) next.set(key, source.get(key));
      return persistentMap(shared, next);
    },
  };
}
