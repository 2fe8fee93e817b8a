/** What all views share: the project that is looked at, its live jobs, the catalog, the clock. */

import { kinds, models } from "../live/api";
import { Refused } from "@heliograph/client";
import { browserStorage } from "./browser-storage";
import { LiveProject } from "../live/project.svelte";
import type { Kind, Model } from "../live/types";

const REMEMBERED = "heliograph.project";
/** How names in the browser's storage begin that keep when a project was seen last. */
export const SEEN = "heliograph.seen.";

class Session {
  live = $state.raw<LiveProject | null>(null);
  models = $state.raw<Model[]>([]);
  kinds = $state.raw<Kind[]>([]);
  /** Milliseconds since 1970, each second anew. */
  now = $state(Date.now());
  readonly project = $derived(this.live?.name ?? null);
  /** Only the sim can render: no provider has a key. */
  readonly simOnly = $derived(
    this.models.length > 0 && this.models.every((model) => model.provider === "sim"),
  );

  #hearsOfBudget = false;

  constructor() {
    setInterval(() => (this.now = Date.now()), 1000);
  }

  /** Somebody came in who may see these projects; null: all. The project from before is followed anew. */
  begin(projects: readonly string[] | null, hearsOfBudget: boolean): void {
    this.#hearsOfBudget = hearsOfBudget;
    void this.loadCatalog();
    const last = this.live?.name ?? browserStorage.get(REMEMBERED);
    this.live?.close();
    this.live = null;
    if (last && (!projects || projects.includes(last))) this.open(last);
  }

  /** Nothing of what was seen stays. */
  leave(): void {
    this.live?.close();
    [this.live, this.models, this.kinds] = [null, [], []];
    for (const name of browserStorage.names())
      if (name === REMEMBERED || name.startsWith(SEEN)) browserStorage.remove(name);
  }

  /** Follow a project instead of the one before. */
  open(project: string): LiveProject {
    if (this.live?.name === project) return this.live;
    this.live?.close();
    this.live = new LiveProject(project, this.#hearsOfBudget);
    browserStorage.set(REMEMBERED, project);
    return this.live;
  }

  async loadCatalog(): Promise<void> {
    try {
      [this.models, this.kinds] = await Promise.all([models(), kinds().then(({ items }) => items)]);
    } catch (error) {
      if (error instanceof Refused && !error.retryable) return; // somebody has to sign in first
      setTimeout(() => void this.loadCatalog(), 2000);
    }
  }
}

export const session = new Session();
