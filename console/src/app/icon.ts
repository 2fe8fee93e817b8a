/** The icon of the tab: a ring that fills while jobs are open. */

import { prefix } from "../live/path-prefix";

const RADIUS = 12.5;
const ROUND = 2 * Math.PI * RADIUS;
export const IDLE = `${prefix}/favicon.svg`;

/** The address of an icon; `percent` is null when nothing is open. */
export function iconOf(percent: number | null): string {
  if (percent === null) return IDLE;
  const ring = `<circle cx="16" cy="16" r="${RADIUS}" fill="none" stroke-width="5" stroke="`;
  const done = Math.max(4, percent); // a sliver, so that it is seen to have begun
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">${ring}#b9bfd9"/>` +
    `${ring}#3650d8" stroke-dasharray="${(ROUND * done) / 100} ${ROUND}" transform="rotate(-90 16 16)"/>` +
    `<circle cx="16" cy="16" r="4.5" fill="#3650d8"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/** Show it. */
export function showIcon(percent: number | null): void {
  const link = document.querySelector<HTMLLinkElement>("link[rel=icon]");
  const address = iconOf(percent);
  if (link && link.getAttribute("href") !== address) link.href = address;
}
