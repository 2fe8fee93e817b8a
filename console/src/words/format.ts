/** Numbers, money and times as people read them, in the browser's language. */

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });
const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const timeOnly = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const whole = new Intl.NumberFormat();
const dollars = (decimals: number) =>
  new Intl.NumberFormat("en-US", {
    style: "currency",
    currency: "USD",
    minimumFractionDigits: 2,
    maximumFractionDigits: decimals,
  });
const cents = dollars(2);
const partsOfCents = dollars(4);

/** An amount in dollars, with as many decimals as it needs: "$0.003", "$1.20". Zero is "free". */
export function money(amount: string | number | null | undefined): string {
  const value = Number(amount ?? 0);
  if (!value) return "free";
  return (Math.abs(value) < 0.1 ? partsOfCents : cents).format(value);
}

/** A length of time in seconds: "0.8 s", "14 s", "2 min 05 s", "3 h 10 min". */
export function duration(seconds: number): string {
  if (seconds < 0) return "0 s";
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const full = Math.round(seconds);
  if (full < 60) return `${full} s`;
  const minutes = Math.floor(full / 60);
  if (minutes < 60) return `${minutes} min ${String(full % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** Seconds between two instants (RFC 3339); up to `now` (milliseconds) while the second is missing. */
export function secondsBetween(from: string, to: string | null, now: number): number {
  return ((to ? Date.parse(to) : now) - Date.parse(from)) / 1000;
}

/** How long ago an instant was: "2 min ago", "yesterday". */
export function ago(instant: string, now: number): string {
  const seconds = (Date.parse(instant) - now) / 1000;
  const steps = [
    [60, 1, "second"],
    [3600, 60, "minute"],
    [86_400, 3600, "hour"],
    [Infinity, 86_400, "day"],
  ] as const;
  for (const [below, size, unit] of steps)
    if (Math.abs(seconds) < below) return relative.format(Math.round(seconds / size), unit);
  return "";
}

export const moment = (instant: string) => dateTime.format(Date.parse(instant));
export const timeOfDay = (instant: string) => timeOnly.format(Date.parse(instant));
export const count = (value: number) => whole.format(value);

/** A part from 0 to 1: "4 %", "0.3 %". */
export const percent = (part: number) =>
  `${(part * 100).toLocaleString(undefined, { maximumFractionDigits: part < 0.01 ? 1 : 0 })} %`;

/** "1 job", "3 jobs". */
export const counted = (value: number, one: string, many = `${one}s`) =>
  `${count(value)} ${value === 1 ? one : many}`;

export function bytes(size: number): string {
  const unit = size < 1e3 ? "byte" : size < 1e6 ? "kilobyte" : size < 1e9 ? "megabyte" : "gigabyte";
  const scale = { byte: 1, kilobyte: 1e3, megabyte: 1e6, gigabyte: 1e9 }[unit];
  return (size / scale).toLocaleString(undefined, {
    style: "unit",
    unit,
    unitDisplay: "short",
    maximumFractionDigits: size < 1e6 ? 0 : 1,
  });
}

/** A name of the API for people: "provider_queue" becomes "Provider queue". */
export function words(name: string): string {
  const spaced = name.replaceAll(/[_-]+/g, " ");
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

/** "1st", "2nd", "3rd", "11th". */
export function ordinal(place: number): string {
  const last = place % 100;
  const suffix = last > 10 && last < 14 ? "th" : (["th", "st", "nd", "rd"][place % 10] ?? "th");
  return `${place}${suffix}`;
}
