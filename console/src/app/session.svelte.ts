/** What all views share: the project that is looked at, its live jobs, the catalog, the clock. */

import { kinds, models } from "../live/api";
import { LiveProject } from "../live/project.svelte";
import type { Kind, Model } from "../live/types";

const REMEMBERED = "heliograph.project";

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

  start(): void {
    setInterval(() => (this.now = Date.now()), 1000);
    void this.loadCatalog();
    const last = localStorage.getItem(REMEMBERED);
    if (last) this.open(last);
  }

  /** Follow a project instead of the one before. */
  open(project: string): LiveProject {
    if (this.live?.name === project) return this.live;
    this.live?.close();
    this.live = new LiveProject(project);
    localStorage.setItem(REMEMBERED, project);
    return this.live;
  }

  async loadCatalog(): Promise<void> {
    try {
      [this.models, this.kinds] = await Promise.all([models(), kinds().then(({ items }) => items)]);
    } catch {
      setTimeout(() => void this.loadCatalog(), 2000);
    }
  }
}

export const session = new Session();
