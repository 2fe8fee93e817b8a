import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Refused } from "@heliograph/client";
import type { JobRequest, Lane, QuoteList } from "../src/live/types";
import { quotedWords, waitWords } from "../src/request/price";
import { Quotation } from "../src/request/quotation.svelte";
import { Submission } from "../src/request/submission";

const LIFE = 600_000; // milliseconds
const request = (prompt: string): JobRequest => ({ kind: "portrait", prompt });

type Item = QuoteList["items"][number];
const item = (fields: Partial<Item> = {}): Item => ({
  index: 0,
  quote: "q",
  kind: "portrait",
  model: "sim/picture",
  lane: "portraits",
  cost: { estimated: "0.04", actual: null, currency: "USD" },
  price_known: true,
  position: 1,
  eta_seconds: 4,
  blocked: null,
  ...fields,
});
const list = (...items: Item[]): QuoteList => ({
  project: "demo",
  cost: null,
  expires_at: new Date(Date.now() + LIFE).toISOString(),
  items,
  next: null,
});

/** A gateway that notes what it is asked for; the price is what `prices` says next. */
function quoting(...prices: string[]) {
  const asked: string[] = [];
  const quotation = new Quotation((jobs) => {
    asked.push(jobs.map(({ prompt }) => prompt).join());
    const estimated = prices.length > 1 ? prices.shift()! : prices[0]!;
    const cost = { estimated, actual: null, currency: "USD" };
    return Promise.resolve(list(item({ quote: `q${asked.length}`, cost })));
  });
  return { quotation, asked };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("the price of what is being written", () => {
  test("it is asked for once nothing changes any more", async () => {
    const { quotation, asked } = quoting("0.04");
    quotation.write([request("a")]);
    quotation.write([request("a k")]);
    await vi.advanceTimersByTimeAsync(1000);

    expect(asked).toEqual(["a k"]);
    expect(quotation.quotes?.items[0]?.cost.estimated).toBe("0.04");
    expect(quotation.isStale).toBe(false);
    quotation.close();
  });

  test("what is sent is bound by a quote of exactly that", async () => {
    const { quotation, asked } = quoting("0.04");
    quotation.write([request("a")]);
    await vi.advanceTimersByTimeAsync(1000);
    quotation.write([request("b")]);

    const { items } = await quotation.agreed();

    expect(asked).toEqual(["a", "b"]);
    expect(items[0]?.quote).toBe("q2");
    quotation.close();
  });

  test("a price above the one that was shown is not agreed to, until it was shown", async () => {
    const { quotation } = quoting("0.04", "0.05");
    quotation.write([request("a")]);
    await vi.advanceTimersByTimeAsync(1000);
    quotation.write([request("b")]);

    await expect(quotation.agreed()).rejects.toThrow("It costs $0.05 now");
    expect((await quotation.agreed()).items[0]?.cost.estimated).toBe("0.05");
    quotation.close();
  });

  test("a quote that has expired while the page slept is renewed before it is used", async () => {
    const { quotation, asked } = quoting("0.04");
    quotation.write([request("a")]);
    await vi.advanceTimersByTimeAsync(1000);
    vi.setSystemTime(Date.now() + LIFE); // its timers did not run

    expect((await quotation.agreed()).items[0]?.quote).toBe("q2");
    expect(asked).toHaveLength(2);
    quotation.close();
  });

  test("an answer about what was written before is not shown", async () => {
    const answers: ((quotes: QuoteList) => void)[] = [];
    const quotation = new Quotation(() => new Promise((resolve) => answers.push(resolve)));
    quotation.write([request("a")]);
    await vi.advanceTimersByTimeAsync(1000);
    quotation.write([request("b")]);
    answers[0]!(list(item()));
    await vi.advanceTimersByTimeAsync(0);

    expect(quotation.quotes).toBeNull();
    quotation.close();
  });
});

describe("a button that pays", () => {
  const refused = (retryable: boolean) =>
    new Refused({ code: "unavailable", title: "no", detail: "no", retryable } as never);

  /** What each press sends: at which price, under which key. */
  function pressing(...outcomes: (Error | null)[]) {
    const sent: string[] = [];
    let keys = 0;
    let prices = 0;
    const submission = new Submission<string>(() => `key${++keys}`);
    const press = (written = "a portrait") =>
      submission.send({
        written,
        bind: () => {
          const price = ++prices;
          return Promise.resolve((key: string) => {
            sent.push(`${written} at ${price} under ${key}`);
            const outcome = outcomes.shift();
            return outcome ? Promise.reject(outcome) : Promise.resolve("job");
          });
        },
      });
    return { press, sent };
  }

  test("after a lost answer it sends the same call again", async () => {
    const { press, sent } = pressing(new TypeError("lost"), null, null);
    await expect(press()).rejects.toThrow("lost");
    await press();
    await press();

    expect(sent).toEqual([
      "a portrait at 1 under key1",
      "a portrait at 1 under key1",
      "a portrait at 2 under key2",
    ]);
  });

  test("after a refusal, and for another request, it is another call", async () => {
    const { press, sent } = pressing(refused(false), refused(true), null);
    await expect(press()).rejects.toThrow();
    await expect(press()).rejects.toThrow();
    await press("a shot");

    expect(sent.map((each) => each.split(" ").at(-1))).toEqual(["key1", "key2", "key3"]);
  });
});

describe("price and wait, in words", () => {
  const lane = (state: Partial<Lane>) =>
    ({ name: "portraits", cap: 2, in_use: 0, ...state }) as Lane;

  test("requests cost together", () => {
    expect(quotedWords(list(item(), item()))).toBe("$0.08");
    expect(quotedWords(list(item({ price_known: false })))).toBe("up to $0.04");
  });

  test("a lane with room starts at once", () =>
    expect(waitWords(list(item()), [lane({ in_use: 1 })])).toBe(
      "starts at once, done in about 4.0 s",
    ));
  test("a full lane tells the place and the time", () =>
    expect(waitWords(list(item({ position: 3, eta_seconds: 20 })), [lane({ in_use: 2 })])).toBe(
      "3rd in portraits, done in about 20 s",
    ));
  test("what holds it up is said", () =>
    expect(waitWords(list(item({ blocked: "lane portraits is paused" })), [])).toBe(
      "waits: lane portraits is paused",
    ));
});
