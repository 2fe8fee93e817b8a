/** The history of a job as spans of time. */

import type { JobEvent } from "../live/types";
import { words } from "../words/format";

export interface Span {
  sequence: number;
  name: string;
  at: string;
  seconds: number; // until the next event, or until now
  from: number; // where it begins, as a share of the whole time
  share: number; // how long it is, as a share of the whole time
}

/** One span for each event, in order; their seconds add up to the time from the first event to the last, or
 *  to `now` (milliseconds since 1970) while the job is open. */
export function spansOf(events: readonly JobEvent[], open: boolean, now: number): Span[] {
  const first = events[0];
  if (!first) return [];
  const starts = events.map(({ at }) => Date.parse(at));
  const end = open ? Math.max(now, starts.at(-1)!) : starts.at(-1)!;
  const whole = Math.max(1, end - starts[0]!);
  return events.map((event, index) => {
    const length = Math.max(0, (starts[index + 1] ?? end) - starts[index]!);
    return {
      sequence: event.sequence,
      name: nameOf(event.type),
      at: event.at,
      seconds: length / 1000,
      from: (starts[index]! - starts[0]!) / whole,
      share: length / whole,
    };
  });
}

/** "heliograph.job.retry_scheduled.v1" becomes "Retry scheduled". */
export const nameOf = (type: string) => words(type.split(".").at(-2) ?? type);
