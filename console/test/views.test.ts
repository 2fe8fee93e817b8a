import { describe, expect, test } from "vitest";
import { iconOf } from "../src/app/icon";
import { routeOf, to } from "../src/app/routes";
import { spansOf } from "../src/job/timeline";
import { literal, requestOf, snippet } from "../src/job/snippets";
import { apiQueryOf, filterOf, matches, orderOf, placeOf, queryOf } from "../src/jobs/filter";
import { outlook, refusals, ways } from "../src/jobs/preview";
import { viewsOf } from "../src/jobs/views";
import { endOf, jobOf, ratioOf } from "../src/live/pictures";
import { prefixOf } from "../src/live/path-prefix";
import { percentOf, toneOf, wordOf } from "../src/live/phases";
import { placeholderOf } from "../src/live/placeholders";
import type { Asset, Job, JobEvent, Preview, Slot } from "../src/live/types";
import { scenesOf } from "../src/slot/scenes";
import { digestOf } from "../src/studio/digest";
import { anotherOf, groupsOf } from "../src/studio/groups";
import { barsOf, firstDayOf, type UsageItem } from "../src/usage/bars";

const job = (fields: Partial<Job>) =>
  ({
    kind: "shot",
    prompt: "it's",
    model: "sim/picture",
    references: [],
    parameters: {},
    arguments: {},
    priority: "normal",
    project: "demo",
    cost: {},
    ...fields,
  }) as Job;
const slots = (...names: string[]) =>
  names.map((slot) => ({ slot, current: null, active: null, failures: [] }) as Slot);

describe("addresses", () => {
  test("every address that is made is read back", () => {
    expect(routeOf(to.slot("demo", "shot/12"))).toEqual({
      view: "slot",
      names: { project: "demo", slot: "shot/12" },
    });
    expect(routeOf(to.cast("demo", "alice")).view).toBe("cast");
    expect(routeOf(to.job("job_1"))).toEqual({ view: "job", names: { job: "job_1" } });
  });

  test("a script tells below which path of a site its deployment is", () => {
    expect(prefixOf("https://site.example/app/assets/index-a1.js")).toBe("/app");
    expect(prefixOf("https://site.example/assets/assets/index-a1.js")).toBe("/assets");
    expect(prefixOf("http://127.0.0.1:8080/assets/index-a1.js")).toBe("");
    expect(prefixOf("http://localhost:5173/src/live/path-prefix.ts")).toBe("");
  });

  test("an address of the API or with a lone percent sign breaks nothing", () => {
    expect(routeOf("/v1/lanes").view).toBe("unknown");
    expect(routeOf("/projects/50%").names.project).toBe("50%");
  });
});

describe("groups of slots", () => {
  test("a cast comes first, in pairs; numbers are sorted as numbers", () => {
    const groups = groupsOf(
      slots("shot/10", "shot/2", "cast/alice/ref_b", "cast/alice/ref_a", "zebra"),
    );
    expect(groups.map(({ name }) => name)).toEqual(["cast", "shot", "zebra"]);
    expect(groups[0]!.pairs.map(({ a, b }) => [a?.slot, b?.slot])).toEqual([
      ["cast/alice/ref_a", "cast/alice/ref_b"],
    ]);
    expect(groups[1]!.slots.map(({ slot }) => slot)).toEqual(["shot/2", "shot/10"]);
  });

  test("one more shot has the next number, and one more portrait no name yet", () => {
    const all = slots("shot/10", "shot/2", "shots/99", "portrait/keeper");
    expect(anotherOf("shot", all)).toEqual({ kind: "shot", slot: "shot/11" });
    expect(anotherOf("portrait", all)).toEqual({ kind: "portrait", slot: "" });
    expect(anotherOf("zebra", all).kind).toBe("image");
  });
});

describe("how a job stands", () => {
  test("a phase that this build does not know is shown as it is", () => {
    expect(wordOf({ status: "running", phase: "levitating" })).toBe("levitating");
  });

  test("a lost answer is a warning, not a failure", () => {
    expect(toneOf({ status: "running", phase: "submit_unknown" })).toBe("warn");
    expect(percentOf(job({ status: "running", phase: "rendering", progress: null }))).toBeNull();
  });
});

describe("the timeline", () => {
  test("spans add up to the whole time", () => {
    const events = [0, 2, 5].map(
      (second) =>
        ({
          sequence: second,
          type: "heliograph.job.retry_scheduled.v1",
          at: `2026-11-30T10:00:0${second}Z`,
        }) as JobEvent,
    );
    const spans = spansOf(events, false, 0);
    expect(spans.map(({ seconds }) => seconds)).toEqual([2, 3, 0]);
    expect(spans[1]).toMatchObject({ name: "Retry scheduled", from: 0.4, share: 0.6 });
    expect(spansOf([], false, 0)).toEqual([]);
  });
});

describe("code of a request", () => {
  test("a shell and Python read what was asked for", () => {
    expect(snippet("curl", job({}), "http://g", "k")).toContain(`"prompt":"it'\\''s"`);
    expect(literal({ a: [true, null, "x"] })).toBe('{"a": [True, None, "x"]}');
    expect(
      requestOf(job({ slot: "shot/1", references: [{ asset: "ast_1" }] as Job["references"] })),
    ).toMatchObject({ slot: "shot/1", references: [{ asset: "ast_1" }] });
  });
});

describe("the list of jobs", () => {
  const filter = filterOf(new URLSearchParams("status=queued,failed&q=IT"));

  test("a changed job joins the list only when the filter lets it through", () => {
    expect(matches(job({ status: "failed" }), filter, "newest")).toBe(true);
    expect(matches(job({ status: "succeeded" }), filter, "newest")).toBe(false);
    expect(matches(job({ status: "failed", prompt: "other" }), filter, "newest")).toBe(false);
  });

  test("a list begins with a day of the person who looks, where it goes on in its order", () => {
    const of = (day: string) => filterOf(new URLSearchParams({ day }));
    const noon = job({ created_at: new Date(2026, 10, 29, 12).toISOString() });
    expect(apiQueryOf(of("2026-11-29"), "newest")).toEqual({
      created_before: new Date(2026, 10, 30).toISOString(),
    });
    expect(apiQueryOf(of("2026-11-29"), "oldest")).toEqual({
      created_after: new Date(2026, 10, 29).toISOString(),
      order: "oldest",
    });
    expect(apiQueryOf(of("tomorrow"), "newest")).toEqual({});
    expect(matches(noon, of("2026-11-29"), "newest")).toBe(true);
    expect(matches(noon, of("2026-11-28"), "newest")).toBe(false);
    expect(matches(noon, of("2026-11-30"), "oldest")).toBe(false);
  });

  test("the address of a list has its filter and its order, and no defaults", () => {
    expect(queryOf(filter, "newest").toString()).toBe("status=queued%2Cfailed&q=IT");
    expect(queryOf(filterOf(new URLSearchParams()), "ended").toString()).toBe("order=ended");
    expect([
      orderOf(new URLSearchParams("order=oldest")),
      orderOf(new URLSearchParams("order=odd")),
    ]).toEqual(["oldest", "newest"]);
  });

  test("a job that is open has no place among those that ended", () => {
    const times = { created_at: "2026-11-30T10:00:00Z", finished_at: null };
    expect(placeOf(job(times), "ended")).toBe("");
    expect(placeOf(job(times), "newest")).toBe(times.created_at);
  });

  test("views that cannot be read are none", () => {
    expect(viewsOf('[{"name": "failed", "query": "status=failed"}, {"name": 1}, null]')).toEqual([
      { name: "failed", query: "status=failed" },
    ]);
    expect([viewsOf(null), viewsOf("{"), viewsOf("3")]).toEqual([[], [], []]);
  });

  test("a preview says what is free and what costs", () => {
    const items = [
      { id: "1", outcome: "accepted", from: "download", cost: { estimated: "0" } },
      {
        id: "2",
        outcome: "refused",
        from: "submit",
        cost: { estimated: "0.28" },
        problem: { title: "Pay" },
      },
      { id: "3", outcome: "refused", problem: { title: "Busy" } },
    ];
    const preview = { action: "retry", cost: { estimated: "0.28" }, items } as unknown as Preview;
    expect(outlook(preview)).toBe("1 free, 1 cost $0.28");
    expect(ways(preview)).toEqual({ free: ["1"], paid: ["2"] });
    expect(refusals(preview)).toEqual([["Busy", 1]]);
    expect(
      outlook({
        action: "cancel",
        charged: { no: 2, unknown: 1 },
        items: [],
      } as unknown as Preview),
    ).toBe("2 jobs cost nothing, 1 job may be charged");
  });
});

describe("pictures", () => {
  test("the end of a presigned address is read from it", () => {
    expect(endOf("http://s3/x?X-Amz-Date=20261130T100000Z&X-Amz-Expires=900")).toBe(
      Date.parse("2026-11-30T10:15:00Z"),
    );
    expect(endOf("http://s3/x")).toBe(0);
  });

  test("the place of a picture has its shape before the picture is there", () => {
    expect(ratioOf(undefined, { aspect_ratio: "16:9" })).toBeCloseTo(16 / 9);
    expect(ratioOf({ width: 300, height: 400 } as Asset, { aspect_ratio: "16:9" })).toBe(0.75);
    expect(ratioOf(undefined, { aspect_ratio: "odd" })).toBe(1);
    expect(jobOf({ id: "ast_01ABC_2" } as Asset)).toBe("job_01ABC");
  });
});

describe("signs of work and of pictures to come", () => {
  test("the icon of the tab is a ring that fills, and itself again when all is done", () => {
    expect(iconOf(null)).toBe("/favicon.svg");
    expect(decodeURIComponent(iconOf(50))).toContain('stroke-dasharray="39.2');
  });

  test("a placeholder is drawn from a ThumbHash, and an odd one is none", () => {
    const with_ = (thumbhash: string | null) =>
      ({ variants: { thumbnail: { thumbhash } } }) as unknown as Asset;
    expect(placeholderOf(with_("1QcSHQRnh493V4dIh4eXh1h4kJUI"))).toMatch(
      /^data:image\/png;base64,/,
    );
    expect([placeholderOf(with_(null)), placeholderOf(with_("%%"))]).toEqual([null, null]);
  });
});

describe("stories, digests and usage", () => {
  test("a story in another shape has no scenes, and is no error", () => {
    expect(
      scenesOf('{"scenes": [{"heading": "INT", "action": "a", "shot_prompt": "p"}, "b"]}'),
    ).toEqual([
      { number: 1, heading: "INT", text: "a", prompt: "p" },
      { number: 2, heading: "", text: "b", prompt: "b" },
    ]);
    expect([scenesOf("not JSON"), scenesOf('{"a": 1}')]).toEqual([[], []]);
  });

  test("a digest counts what ended since, and nothing before", () => {
    const ended = [
      job({
        status: "succeeded",
        finished_at: "2026-11-30T10:00:01Z",
        charged: "yes",
        cost: { estimated: "0.1", actual: "0.2", currency: "USD" },
      }),
      job({ status: "failed", finished_at: "2026-11-30T10:00:02Z" }),
      job({ status: "failed", finished_at: "2026-11-30T09:00:00Z" }),
    ];
    expect(digestOf(ended, Date.parse("2026-11-30T10:00:00Z"))).toEqual({
      finished: 1,
      failed: 1,
      cost: 0.2,
    });
    expect(digestOf(ended, Date.parse("2026-11-30T11:00:00Z"))).toBeNull();
  });

  const item = (fields: Partial<UsageItem>) => fields as UsageItem;

  test("bars are as long as their cost, or as their jobs where nothing costs", () => {
    expect(
      barsOf(
        [item({ model: "b", jobs: 9, spent: "0.1" }), item({ model: "a", jobs: 2, spent: "0.4" })],
        "model",
      ).map(({ name, share }) => [name, share]),
    ).toEqual([
      ["a", 1],
      ["b", 0.25],
    ]);
    expect(barsOf([item({ kind: "shot", jobs: 3, spent: "0" })], "kind")[0]!.share).toBe(1);
    expect(barsOf([item({ user: null, jobs: 1, spent: "0" })], "user")[0]!.name).toBe("–");
  });

  test("days without jobs have their place among the others, the last one first", () => {
    const days = barsOf(
      [
        item({ day: "2026-11-27", jobs: 1, spent: "0" }),
        item({ day: "2026-11-30", jobs: 2, spent: "0" }),
      ],
      "day",
    );
    expect(days.map(({ name, jobs }) => [name, jobs])).toEqual([
      ["2026-11-30", 2],
      ["2026-11-29", 0],
      ["2026-11-28", 0],
      ["2026-11-27", 1],
    ]);
    expect(barsOf([], "day")).toEqual([]);
    expect(firstDayOf(7, new Date(2026, 11, 1, 12).getTime())).toBe("2026-11-25");
  });
});
