/** The views of the console and their addresses. */

import { prefix } from "../live/path-prefix";

export type View =
  | "projects"
  | "studio"
  | "slot"
  | "cast"
  | "jobs"
  | "job"
  | "board"
  | "usage"
  | "faults"
  | "sign-in"
  | "unknown";

export interface Route {
  view: View;
  /** What the address names, decoded: `project`, `slot`, `person`, `job`. */
  names: Record<string, string>;
}

const patterns: readonly (readonly [View, RegExp])[] = [
  ["projects", /^\/$/],
  ["sign-in", /^\/sign-in$/],
  ["board", /^\/board$/],
  ["job", /^\/jobs\/(?<job>[^/]+)$/],
  ["studio", /^\/projects\/(?<project>[^/]+)$/],
  ["jobs", /^\/projects\/(?<project>[^/]+)\/jobs$/],
  ["usage", /^\/projects\/(?<project>[^/]+)\/usage$/],
  ["faults", /^\/projects\/(?<project>[^/]+)\/failures$/],
  ["cast", /^\/projects\/(?<project>[^/]+)\/cast\/(?<person>[^/]+)$/],
  ["slot", /^\/projects\/(?<project>[^/]+)\/slots\/(?<slot>.+)$/],
];

/** The view that a path names. */
export function routeOf(address: string): Route {
  const path = address.startsWith(`${prefix}/`) ? address.slice(prefix.length) : "";
  for (const [view, pattern] of patterns) {
    const found = pattern.exec(path);
    if (found) return { view, names: decoded(found.groups ?? {}) };
  }
  return { view: "unknown", names: {} };
}

function decoded(names: Record<string, string>): Record<string, string> {
  const entries = Object.entries(names);
  try {
    return Object.fromEntries(entries.map(([name, value]) => [name, decodeURIComponent(value)]));
  } catch {
    return names; // a lone percent sign
  }
}

const at = (project: string) => `${prefix}/projects/${encodeURIComponent(project)}`;

/** Addresses of the views. */
export const to = {
  projects: `${prefix}/`,
  board: `${prefix}/board`,
  studio: at,
  jobs: (project: string, query = "") => `${at(project)}/jobs${query}`,
  usage: (project: string) => `${at(project)}/usage`,
  faults: (project: string) => `${at(project)}/failures`,
  slot: (project: string, slot: string) => `${at(project)}/slots/${slot}`,
  cast: (project: string, person: string) => `${at(project)}/cast/${encodeURIComponent(person)}`,
  job: (id: string) => `${prefix}/jobs/${encodeURIComponent(id)}`,
};
