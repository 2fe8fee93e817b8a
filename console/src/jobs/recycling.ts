/** Recycling of rows: elements of rows that are out of sight are given to those that come into it. Pure. */

/** The element of each row that is shown, as a number, by the row's id. */
export type Elements = ReadonlyMap<string, number>;

/**
 * The elements of the rows that are shown now, in their order. A row that stays keeps its element, wherever it
 * moved, and with it the focus; others take elements that are free, and new ones where there are none: the one
 * that was in the same place first, since nothing but its texts has to change.
 *
 * @param held An element that no other row may have, as it contains the focus.
 */
export function recycled(before: Elements, ids: readonly string[], held?: number): Elements {
  const stays = new Set(ids);
  const places = [...before].map(([id, element]) =>
    stays.has(id) || element === held ? undefined : element,
  );
  const chosen = ids.map((id, place) => before.get(id) ?? take(places, place));
  const free = places.filter((element) => element !== undefined);
  let fresh = Math.max(-1, held ?? -1, ...before.values()) + 1;
  return new Map(ids.map((id, place) => [id, chosen[place] ?? free.pop() ?? fresh++]));
}

function take(places: (number | undefined)[], place: number): number | undefined {
  const element = places[place];
  if (element !== undefined) places[place] = undefined;
  return element;
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
