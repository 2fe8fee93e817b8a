/** A job's request as code that makes the same request again. */

import type { Job, JobRequest, Reference } from "../live/types";

export type Language = "curl" | "Python" | "TypeScript";
export const languages: readonly Language[] = ["curl", "Python", "TypeScript"];

/** The request that a job was accepted with. */
export function requestOf(job: Job): JobRequest {
  const references = job.references.flatMap(({ asset, url, upload }): Reference[] =>
    asset ? [{ asset }] : upload ? [{ upload }] : url ? [{ url }] : [],
  );
  return {
    kind: job.kind,
    prompt: job.prompt,
    model: job.model,
    ...(job.slot && { slot: job.slot }),
    ...(job.edit_prompt && { edit_prompt: job.edit_prompt }),
    ...(references.length && { references }),
    ...(Object.keys(job.parameters).length && { parameters: job.parameters }),
    ...(Object.keys(job.arguments).length && { arguments: job.arguments }),
    ...(job.priority !== "normal" && { priority: job.priority }),
  };
}

/** `key` is the idempotency key: with the same one, the same request is one job. */
export function snippet(language: Language, job: Job, gateway: string, key: string): string {
  const request = requestOf(job);
  if (language === "curl") return curl(request, `${gateway}/v1/projects/${job.project}/jobs`, key);
  if (language === "Python") return python(request, job.project, gateway, key);
  return typescript(request, job.project, gateway, key);
}

function curl(request: JobRequest, url: string, key: string): string {
  const body = JSON.stringify(request).replaceAll("'", `'\\''`);
  return `curl -s ${url} \\\n  -H 'Content-Type: application/json' -H 'Idempotency-Key: ${key}' \\\n  -d '${body}'`;
}

function python(request: JobRequest, project: string, gateway: string, key: string): string {
  const named = Object.entries(request).map(
    ([name, value]) => `        ${name}=${literal(value)},`,
  );
  return `import asyncio

from heliograph import Client


async def main() -> None:
    async with Client("${gateway}", project="${project}") as client:
        job = await client.submit(
${named.map((line) => `    ${line}`).join("\n")}
            key="${key}",
        )
        done = await client.wait(job.id)
        print(done.assets)


asyncio.run(main())`;
}

function typescript(request: JobRequest, project: string, gateway: string, key: string): string {
  const body = JSON.stringify(request, null, 2);
  return `import { Heliograph } from "@heliograph/client";

const heliograph = new Heliograph({ url: "${gateway}", project: "${project}" });
const done = await heliograph.jobs.run(${body}, { idempotencyKey: "${key}" });
console.log(done.assets);`;
}

/** A JSON value as Python writes it. */
export function literal(value: unknown): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "object") {
    const entries = Object.entries(value as object).map(
      ([name, each]) => `${JSON.stringify(name)}: ${literal(each)}`,
    );
    return `{${entries.join(", ")}}`;
  }
  return JSON.stringify(value);
}
