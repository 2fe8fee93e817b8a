/** What a request will cost and when it will begin, told before it is sent. */

import type { Kind, Lane, Model } from "../live/types";
import { duration, money, ordinal } from "../words/format";

/** Megapixels of a picture when nothing else is known: most models draw about one. */
const MEGAPIXELS = 1;

export interface Estimate {
  amount: number; // US dollars
  exact: boolean; // whether the provider's price has nothing left to be seen
}

export function estimate(model: Model, parameters: Record<string, unknown>): Estimate {
  const valueOf = (name: string) =>
    Number(parameters[name] ?? model.parameters.properties?.[name]?.default ?? 1);
  const { amount, unit, parameter } = model.price;
  if (parameter) return { amount: Number(parameters[parameter] ?? 0), exact: true };
  const each = Number(amount);
  if (unit === "image") return { amount: each * valueOf("num_images"), exact: true };
  if (unit === "second") return { amount: each * valueOf("duration_seconds"), exact: true };
  if (unit === "megapixel")
    return { amount: each * MEGAPIXELS * valueOf("num_images"), exact: each === 0 };
  return { amount: each, exact: true };
}

/** "free", "$0.04", "about $0.003". */
export const priceWords = ({ amount, exact }: Estimate) =>
  exact ? money(amount) : `about ${money(amount)}`;

/** When a job that is sent now begins: "starts at once", "3rd in shots, about 20 s". */
export function waitWords(lane: Lane | undefined, kind: Kind): string {
  if (!lane) return "";
  if (lane.paused) return `waits: lane ${lane.name} is paused`;
  if (lane.in_use < lane.cap && !lane.waiting) return "starts at once";
  const seconds = (Math.floor(lane.waiting / lane.cap) + 1) * kind.expected_seconds;
  return `${ordinal(lane.waiting + 1)} in ${lane.name}, about ${duration(seconds)}`;
}
