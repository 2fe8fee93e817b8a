/** Addresses of pictures. They are signed anew every few minutes; one that still holds is kept, so that
 *  a browser does not fetch the same bytes again. */

import type { Asset } from "./types";

interface Kept {
  url: string;
  until: number; // milliseconds since 1970
}

const MARGIN = 60_000; // milliseconds: an address near its end is not given to an element that loads late
const kept = new Map<string, Kept>();

/** When a presigned address (AWS Signature V4) ends, in milliseconds since 1970; 0 where it does not say. */
export function endOf(url: string): number {
  const query = new URL(url, "http://localhost").searchParams;
  const signed = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(query.get("X-Amz-Date") ?? "");
  if (!signed) return 0;
  const [year, month, day, hour, minute, second] = signed.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return (
    Date.UTC(year, month - 1, day, hour, minute, second) + Number(query.get("X-Amz-Expires")) * 1000
  );
}

/** The address of the first of these variants that an asset has; the asset's own where it has none. */
export function addressOf(asset: Asset, ...variants: string[]): string | null {
  const name = variants.find((each) => asset.variants[each]?.url) ?? "";
  const url = name ? asset.variants[name]!.url : asset.url;
  if (!url) return null;
  const key = `${asset.id}/${name}/${asset.sha256}`;
  const before = kept.get(key);
  if (before && before.until - MARGIN > Date.now()) return before.url;
  kept.set(key, { url, until: endOf(url) });
  return url;
}

/** The job that made an asset: both ids contain the same ULID. */
export const jobOf = (asset: Pick<Asset, "id">) =>
  asset.id.replace(/^ast_/, "job_").replace(/_\d+$/, "");

/** Width over height that a result will have: of its asset, else as the request says, else square. */
export function ratioOf(
  asset: Asset | undefined,
  parameters: Record<string, unknown> | undefined,
): number {
  if (asset?.width && asset.height) return asset.width / asset.height;
  const [width, height] = String(parameters?.aspect_ratio ?? "")
    .split(":")
    .map(Number);
  return width && height ? width / height : 1;
}
