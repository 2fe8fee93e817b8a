/** What a request costs and when its result is there, told before it is sent. */

import type { Lane, QuoteList } from "../live/types";
import { duration, money, ordinal } from "../words/format";

const SOON = 0.05; // seconds, which would be told as 0.0

/** What quoted requests cost together. */
export const totalOf = ({ items }: QuoteList) =>
  items.reduce((sum, { cost }) => sum + Number(cost.estimated), 0);

/** "free", "$0.04"; "up to $0.10" where the price of the model is not known. */
export function quotedWords(quotes: QuoteList): string {
  const isKnown = quotes.items.every(({ price_known }) => price_known);
  return isKnown ? money(totalOf(quotes)) : `up to ${money(totalOf(quotes))}`;
}

/**
 * When quoted requests run, by the last of them: "starts at once, done in about 4 s", "3rd in shots,
 * done in about 20 s", "waits: lane shots is paused". Empty where that is not known.
 */
export function waitWords({ items }: QuoteList, lanes: readonly Lane[]): string {
  const last = items.at(-1);
  if (!last) return "";
  if (last.blocked) return `waits: ${last.blocked}`;
  if (last.position === null) return "";
  const lane = lanes.find(({ name }) => name === last.lane);
  const isFree = lane && last.position <= lane.cap - lane.in_use;
  const begin = isFree ? "starts at once" : `${ordinal(last.position)} in ${last.lane}`;
  if (last.eta_seconds === null || last.eta_seconds < SOON) return begin;
  return `${begin}, done in about ${duration(last.eta_seconds)}`;
}
