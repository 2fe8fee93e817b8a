// @vitest-environment happy-dom
/** Hooks show the store as it is, again with each change, and only what changed is drawn anew. */
import { act, createElement, type FunctionComponent } from "react";
import { createRoot } from "react-dom/client";
import { expect, test, vi } from "vitest";
import { JobStore, type StoreInput } from "../src/live/store.js";
import { useJob, useJobs, useLiveState, useSlot } from "../src/react.js";
import type { Job } from "../src/types.js";

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

const job = (id: string, fields: Partial<Job> = {}): Job =>
  ({ id, revision: 1, status: "running", slot: null, created_at: id, ...fields }) as Job;

function aStore(...jobs: Job[]): { store: JobStore; input: StoreInput } {
  let input!: StoreInput;
  const source = (given: StoreInput): { close(): void } => {
    input = given;
    return { close: () => undefined };
  };
  return { store: new JobStore(source, jobs), input };
}

/** The text of a component, drawn into a page. */
function drawn(component: FunctionComponent): { text: () => string; leave: () => void } {
  const page = document.createElement("div");
  const root = createRoot(page);
  act(() => {
    root.render(createElement(component));
  });
  return {
    text: () => page.textContent,
    leave: () => {
      act(() => {
        root.unmount();
      });
    },
  };
}

/** The store publishes with the next frame of the page. */
async function published(change: () => void, store: JobStore): Promise<void> {
  const before = store.getSnapshot();
  await act(async () => {
    change();
    await vi.waitFor(() => {
      expect(store.getSnapshot()).not.toBe(before);
    });
  });
}

test("a job is drawn as it stands, and undefined while it is not known", async () => {
  const { store } = aStore();
  const shown = drawn(() => useJob(store, "a")?.status ?? "unknown");
  expect(shown.text()).toBe("unknown");

  await published(() => {
    store.put(job("a", { status: "succeeded" }));
  }, store);

  expect(shown.text()).toBe("succeeded");
});

test("jobs are those that the filter lets through", async () => {
  const { store } = aStore(job("a"), job("b", { status: "failed" }));
  const isFailed = ({ status }: Job): boolean => status === "failed";
  const shown = drawn(() =>
    useJobs(store, isFailed)
      .map(({ id }) => id)
      .join(" "),
  );
  expect(shown.text()).toBe("b");

  await published(() => {
    store.put(job("a", { status: "failed", revision: 2 }));
  }, store);

  expect(shown.text()).toBe("a b");
});

test("a slot has its newest result and what is being made for it", () => {
  const slot = "shot/1";
  const { store } = aStore(
    job("1", { slot, status: "succeeded" }),
    job("2", { slot, status: "succeeded" }),
    job("3", { slot }),
    job("4"),
  );
  const shown = drawn(() => {
    const { jobs, active, succeeded } = useSlot(store, slot);
    return [jobs.length, active?.id, succeeded?.id].join(" ");
  });

  expect(shown.text()).toBe("3 3 2");
});

test("the state of the connection is drawn, and a job that changed draws nothing of it", async () => {
  const { store, input } = aStore(job("a"));
  const draw = vi.fn(() => useLiveState(store).name);
  const shown = drawn(draw);
  await published(() => {
    store.put(job("a", { revision: 2 }));
  }, store);
  expect(draw).toHaveBeenCalledTimes(1);

  await published(() => {
    input.state({ name: "live", missed: 0, restarted: false });
  }, store);

  expect(shown.text()).toBe("live");
});

test("a component that is gone listens no more", async () => {
  const { store } = aStore(job("a"));
  const draw = vi.fn(() => useJob(store, "a")?.status ?? "");
  drawn(draw).leave();

  await published(() => {
    store.put(job("a", { revision: 2, status: "failed" }));
  }, store);

  expect(draw).toHaveBeenCalledTimes(1);
});
