/** The budget of a project while somebody looks at it. */

import { access } from "../app/access.svelte";
import * as api from "../live/usage";
import type { LiveProject } from "../live/project.svelte";
import { Reads } from "../live/reads";
import type { Budget, SetBudget } from "../live/types";

export class ProjectBudget {
  /** Null while it is not known, and for those who may not see it. */
  state = $state.raw<Budget | null>(null);
  readonly #reads = new Reads();

  constructor(readonly live: LiveProject) {}

  async load(): Promise<void> {
    if (!access.may("usage:read")) return;
    await this.#show(api.budget(this.live.name)).catch(() => undefined); // what depends on it is shown all the same
  }

  /** Throws what the gateway says against it. */
  async set(limits: SetBudget): Promise<void> {
    await this.#show(api.setBudget(this.live.name, limits));
  }

  #show(answer: PromiseLike<Budget>): Promise<void> {
    return this.#reads.show(answer, (found) => (this.state = found));
  }
}
