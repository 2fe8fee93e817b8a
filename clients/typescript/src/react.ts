/** Hooks for React over a store of jobs. */
import { useMemo, useSyncExternalStore } from "react";
import type { Job, JobsSnapshot, JobStore, LiveState } from "./heliograph.js";

function useSnapshot(store: JobStore): JobsSnapshot {
  return useSyncExternalStore(store.subscribe, store.getSnapshot, store.getSnapshot);
}

/** A job as it stands; undefined while it is not known. */
export function useJob(store: JobStore, id: string): Job | undefined {
  const read = (): Job | undefined => store.getSnapshot().jobs.get(id);
  return useSyncExternalStore(store.subscribe, read, read);
}

/** The jobs of which `filter` is true, or all, in the order in which they became known. */
export function useJobs(store: JobStore, filter?: (job: Job) => boolean): Job[] {
  const { jobs } = useSnapshot(store);
  return useMemo(() => {
    const all = [...jobs.values()];
    return filter ? all.filter(filter) : all;
  }, [jobs, filter]);
}

/** The jobs of a slot, the newest first: its `active` one, and the latest that has `succeeded`. */
export function useSlot(
  store: JobStore,
  slot: string,
): { jobs: Job[]; active: Job | undefined; succeeded: Job | undefined } {
  const { jobs: all } = useSnapshot(store);
  return useMemo(() => {
    const jobs = [...all.values()].filter((job) => job.slot === slot);
    jobs.sort((a, b) => (a.created_at < b.created_at ? 1 : -1));
    return {
      jobs,
      active: jobs.find(({ status }) => status === "queued" || status === "running"),
      succeeded: jobs.find(({ status }) => status === "succeeded"),
    };
  }, [all, slot]);
}

/** How the live connection is, in words for people. */
export function useLiveState(store: JobStore): LiveState {
  const read = (): LiveState => store.getSnapshot().state;
  return useSyncExternalStore(store.subscribe, read, read);
}
