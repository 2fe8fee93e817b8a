/** The running jobs of all projects, as far as lists tell; those of the project that is followed live. */

import { session } from "../app/session.svelte";
import * as api from "../live/api";
import { Reads } from "../live/reads";
import type { Job } from "../live/types";

const PROJECTS = 10; // with running jobs: more would make the board ask too often
const EACH = 30; // jobs of a project

export class RunningJobs {
  #listed = $state.raw<Job[]>([]);
  readonly #reads = new Reads();
  readonly jobs = $derived.by(() => {
    const known = new Map(this.#listed.map((job) => [job.id, job]));
    for (const job of session.live?.open ?? []) known.set(job.id, job);
    const newest = [...known.values()].map((job) => session.live?.newest(job) ?? job);
    return newest.filter(({ status }) => status === "running");
  });

  look(): Promise<void> {
    return this.#reads.show(this.#list(), (jobs) => (this.#listed = jobs));
  }

  async #list(): Promise<Job[]> {
    const { items } = await api.projects();
    const busy = items
      .filter(({ project, counts }) => counts.running && project !== session.project)
      .slice(0, PROJECTS);
    const pages = await Promise.all(
      busy.map(({ project }) =>
        api.clientOf(project).jobs.list({ status: "running", limit: EACH }),
      ),
    );
    return pages.flatMap((page) => page.items);
  }
}
