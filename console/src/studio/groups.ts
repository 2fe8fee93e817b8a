/** How a project's slots are laid out: cast as pairs, the rest by the first segment of their names. */

import type { Slot } from "../live/types";
import { words } from "../words/format";

export interface Pair {
  person: string;
  a: Slot | null;
  b: Slot | null;
}

export interface Group {
  name: string;
  title: string;
  pairs: Pair[];
  slots: Slot[];
}

const FIRST = ["cast", "character", "portrait", "story", "scenes", "shot", "video"];
const TITLES: Record<string, string> = {
  character: "Characters",
  portrait: "Portraits",
  shot: "Shots",
  story: "Stories",
  video: "Videos",
};
/** Kinds of what groups are made of. */
const KINDS: Record<string, string> = {
  cast: "cast_ref",
  character: "character_reference",
  portrait: "portrait",
  scenes: "scenes",
  shot: "shot",
  story: "scenes",
  trailer: "trailer",
  video: "video",
};
const REFERENCE = /^cast\/([^/]+)\/ref_([ab])$/;

/** The person and the half that a slot's name stands for, or null. */
export function castOf(name: string): { person: string; half: "a" | "b" } | null {
  const found = REFERENCE.exec(name);
  return found ? { person: found[1]!, half: found[2] as "a" | "b" } : null;
}

/** Slots by group; groups and slots in the order of their names, with the cast first. */
export function groupsOf(slots: Iterable<Slot>): Group[] {
  const groups = new Map<string, Group>();
  for (const slot of [...slots].sort((one, other) => natural(one.slot, other.slot))) {
    const name = slot.slot.split("/")[0]!;
    const group = groups.get(name) ?? {
      name,
      title: TITLES[name] ?? words(name),
      pairs: [],
      slots: [],
    };
    groups.set(name, group);
    place(slot, group);
  }
  return [...groups.values()].sort(
    (one, other) => rank(one) - rank(other) || natural(one.name, other.name),
  );
}

function place(slot: Slot, group: Group): void {
  const cast = castOf(slot.slot);
  if (!cast) {
    group.slots.push(slot);
    return;
  }
  let pair = group.pairs.find(({ person }) => person === cast.person);
  if (!pair) group.pairs.push((pair = { person: cast.person, a: null, b: null }));
  pair[cast.half] = slot;
}

const natural = (one: string, other: string) =>
  one.localeCompare(other, undefined, { numeric: true });
const rank = ({ name }: Group) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);

/** What the form of one more result of a group begins with; where slots are numbered, with the next number. */
export function anotherOf(group: string, slots: Iterable<Slot>): { kind: string; slot: string } {
  const names = [...slots].map(({ slot }) => slot).filter((slot) => slot.startsWith(`${group}/`));
  const numbers = names.map((slot) => Number(shortName(slot)));
  const isNumbered = numbers.length > 0 && numbers.every(Number.isInteger);
  return {
    kind: KINDS[group] ?? "image",
    slot: isNumbered ? `${group}/${Math.max(...numbers) + 1}` : "",
  };
}

/** Whether nothing has filled a slot yet, and nothing is on its way. */
export const isMissing = ({ current, active }: Slot) => !current && !active;

/** What people call a slot inside its group. */
export const shortName = (slot: string) => slot.split("/").slice(1).join("/") || slot;
