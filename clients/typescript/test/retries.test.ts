/** A call is repeated under one idempotency key, while that is of use, and no longer. */
import { expect, test } from "vitest";
import { Heliograph, NotReachable, Refused } from "../src/heliograph.js";
import { json, problem, serving } from "./server.js";

const REQUEST = { kind: "portrait", prompt: "a lighthouse keeper" };

test("a submit whose answer is lost is repeated under the same key", async () => {
  await using server = await serving((_, response, turn) => {
    if (turn < 3) response.destroy();
    else json(response, 202, { id: "job_1" });
  });
  const helio = new Heliograph({ url: server.url });

  expect(await helio.jobs.submit(REQUEST)).toEqual({ id: "job_1" });
  const keys = server.received.map(({ headers }) => headers["idempotency-key"]);
  expect(keys).toHaveLength(3);
  expect(new Set(keys).size).toBe(1);
});

test("an answer that breaks off in its body is a lost answer", async () => {
  await using server = await serving((_, response, turn) => {
    if (turn > 1) {
      json(response, 202, { id: "job_1" });
      return;
    }
    response.writeHead(202, { "Content-Length": "100" });
    response.write('{"id":', () => response.destroy());
  });

  const helio = new Heliograph({ url: server.url });

  expect((await helio.jobs.submit(REQUEST)).id).toBe("job_1");
});

test("two submits have two keys, and the caller's key is kept", async () => {
  await using server = await serving((_, response) => {
    json(response, 202, {});
  });
  const helio = new Heliograph({ url: server.url });

  await helio.jobs.submit(REQUEST);
  await helio.jobs.submit(REQUEST);
  await helio.jobs.submit(REQUEST, { idempotencyKey: "order-4711" });

  const [first, second, third] = server.received.map(({ headers }) => headers["idempotency-key"]);
  expect(first).toMatch(/^[0-9a-f]{32}$/);
  expect(second).not.toBe(first);
  expect(third).toBe("order-4711");
});

test("a refusal that no repeat helps is thrown at once, and points at the field", async () => {
  const errors = [{ pointer: "/prompt", detail: "is empty" }];
  await using server = await serving((_, response) => {
    json(response, 422, problem("validation_failed", 422, { errors }));
  });
  const helio = new Heliograph({ url: server.url });

  const error: unknown = await helio.jobs.submit(REQUEST).catch((each: unknown) => each);

  expect(error).toBeInstanceOf(Refused);
  expect((error as Refused).fieldError("/prompt")).toBe("is empty");
  expect(server.received).toHaveLength(1);
});

test("the service's own pause wins, and too long a pause is the caller's to decide", async () => {
  await using server = await serving((_, response, turn) => {
    const retry_after = turn === 1 ? 0.3 : 3_600;
    json(response, 429, problem("rate_limited", 429, { retry_after }));
  });
  const helio = new Heliograph({ url: server.url });

  const call = helio.jobs.get("job_1");

  await expect(call).rejects.toMatchObject({ code: "rate_limited" });
  expect(server.received).toHaveLength(2);
});

test("an address without a gateway is not reachable, after as many tries as were asked for", async () => {
  await using server = await serving((_, response) => {
    response.writeHead(502).end("<html>");
  });
  const helio = new Heliograph({ url: server.url, tries: 2 });

  const error: unknown = await helio.jobs.get("job_1").catch((each: unknown) => each);

  expect(error).toBeInstanceOf(NotReachable);
  expect(server.received).toHaveLength(2);
});

test("the caller's signal ends the pause between tries, with its own reason", async () => {
  await using server = await serving((_, response) => {
    json(response, 503, problem("unavailable", 503, { retry_after: 50 }));
    abort.abort(new Error("left the page"));
  });
  const abort = new AbortController();
  const helio = new Heliograph({ url: server.url });

  const call = helio.jobs.get("job_1", { signal: abort.signal });

  await expect(call).rejects.toThrow("left the page");
});

test("a service that never answers is given up in time", async () => {
  await using server = await serving(() => undefined);
  const helio = new Heliograph({ url: server.url, timeout: 50, tries: 1 });

  await expect(helio.jobs.get("job_1")).rejects.toBeInstanceOf(NotReachable);
});

test("a list is its first page when awaited, and all of its items when iterated", async () => {
  await using server = await serving(({ url }, response) => {
    const last = url.includes("cursor=2");
    json(response, 200, { items: [{ id: last ? "b" : "a" }], next: last ? null : "2" });
  });
  const helio = new Heliograph({ url: server.url });
  const list = helio.jobs.list({ status: "failed", tag: { show: "s1" } });

  const ids = [];
  for await (const job of list) ids.push(job.id);

  expect(ids).toEqual(["a", "b"]);
  expect((await list).items).toHaveLength(1);
  expect(server.received[0]?.url).toBe("/v1/projects/demo/jobs?status=failed&tag.show=s1");
});

test("a repeat that the service has done before says so", async () => {
  await using server = await serving((_, response) => {
    response.setHeader("Idempotency-Replayed", "true");
    json(response, 202, { id: "job_1" });
  });
  const helio = new Heliograph({ url: server.url });

  const { data, replayed } = await helio.jobs.retry("job_1").withResponse();

  expect([data.id, replayed]).toEqual(["job_1", true]);
});
