/** Types of a call, read from the OpenAPI document: its path, its parts, its answer. */
import type { paths } from "../generated/gateway.js";

export type Verb = "get" | "post" | "put" | "patch" | "delete";

/** Paths of the document that have this verb. */
export type PathOf<V extends Verb> = {
  [P in keyof paths]: paths[P][V] extends { responses: unknown } ? P : never;
}[keyof paths];

export type Operation<V extends Verb, P extends keyof paths> = paths[P][V];

type Content<T> = T extends { content: { "application/json": infer Body } } ? Body : never;
type Succeeded<R> = R[keyof R & (200 | 201 | 202)];

/** What a call that succeeds is answered with. */
export type Answered<O> = O extends { responses: infer R } ? Content<Succeeded<R>> : never;

type PathPart<O> = O extends { parameters: { path: infer T } } ? { path: T } : { path?: never };
type QueryPart<O> = O extends { parameters: { query?: infer T } } ? { query?: T } : unknown;
type BodyPart<O> = O extends { requestBody: infer B }
  ? { body: Content<B> }
  : O extends { requestBody?: infer B }
    ? { body?: Content<NonNullable<B>> }
    : { body?: never };

/** What a call sends. */
export type Parts<O> = PathPart<O> & QueryPart<O> & BodyPart<O>;

type Plain = string | number | boolean;
type QueryValue = Plain | Plain[] | Record<string, Plain> | null | undefined;

/** The same, as it is put together at run time. */
export interface LooseParts {
  path?: Record<string, string | number>;
  query?: Record<string, QueryValue>;
  body?: unknown;
}

/** The address of a call; slashes of a slot are part of its name, and stay. */
export function addressOf(
  base: string,
  path: string,
  { path: names = {}, query }: LooseParts,
): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
    String(names[name]).split("/").map(encodeURIComponent).join("/"),
  );
  const pairs = queryPairs(query ?? {});
  return base + filled + (pairs.length ? `?${new URLSearchParams(pairs).toString()}` : "");
}

/** An object is written `name.key=value` for each of its keys, a list with commas. */
function queryPairs(query: Record<string, QueryValue>): [string, string][] {
  return Object.entries(query).flatMap(([name, value]): [string, string][] => {
    if (value === undefined || value === null) return [];
    if (Array.isArray(value)) return [[name, value.join(",")]];
    if (typeof value !== "object") return [[name, String(value)]];
    return Object.entries(value).map(([key, each]) => [`${name}.${key}`, String(each)]);
  });
}
