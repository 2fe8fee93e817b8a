/** Recycling of rows: elements of rows that are out of sight are given to those that come into it. Pure. */

/** The element of each row that is shown, as a number, by the row's id. */
export type Elements = ReadonlyMap<string, number>;

/**
 * The elements of the rows that are shown now. A row that stays keeps its element, wherever it moved,
 * and with it the focus; others take elements that are free, and new ones where there are none.
 *
 * @param held An element that no other row may have, as it contains the focus.
 */
export function recycled(before: Elements, ids: readonly string[], held?: number): Elements {
  const shown = new Set(ids);
  const kept = ids.filter((id) => before.has(id)).map((id) => [id, before.get(id)!] as const);
  const after = new Map<string, number>(kept);
  const free = [...before]
    .filter(([id, element]) => !shown.has(id) && element !== held)
    .map(([, element]) => element);
  let fresh = Math.max(-1, held ?? -1, ...before.values()) + 1;
  for (const id of ids) {
    if (!after.has(id)) after.set(id, free.pop() ?? fresh++);
  }
  return after;
}

/**
 * The elements that are shown, in the order in which they are in the document: as before, the new ones last.
 * Rows are placed by their index, so that none has to be moved among the others for its place.
 */
export function arranged(before: readonly number[], shown: readonly number[]): number[] {
  const rest = new Set(shown);
  const kept = before.filter((element) => rest.delete(element));
  return [...kept, ...rest];
}
