/** A form's fields, made from the JSON Schema of a model's parameters. */

import type { ParameterSchema } from "../live/types";
import { words } from "../words/format";

export interface Field {
  name: string;
  title: string;
  help: string;
  control: "choice" | "number" | "switch" | "text";
  choices: (string | number)[];
  minimum?: number;
  maximum?: number;
  step: number | "any";
  unit: string;
  initial: unknown;
  advanced: boolean; // behind "More settings"
}

export function fieldsOf(parameters: Record<string, ParameterSchema>): Field[] {
  return Object.entries(parameters).map(([name, schema]) => fieldOf(name, schema));
}

function fieldOf(name: string, schema: ParameterSchema): Field {
  const one = schema.anyOf?.[0] ?? schema;
  const minimum = one.minimum ?? one.exclusiveMinimum;
  return {
    name,
    title: schema.title ?? words(name),
    help: schema.description ?? "",
    control: controlOf(one),
    choices: one.enum ?? [],
    ...(minimum === undefined ? {} : { minimum }),
    ...(one.maximum === undefined ? {} : { maximum: one.maximum }),
    step: one.type === "integer" ? 1 : "any",
    unit: unitOf(schema),
    initial: schema.default,
    advanced: schema["x-advanced"] ?? false,
  };
}

/** The unit of a value, unless the title says it: "Pictures, pictures" says nothing twice. */
function unitOf(schema: ParameterSchema): string {
  const unit = schema["x-unit"] ?? "";
  return schema.title?.toLowerCase().includes(unit.toLowerCase()) ? "" : unit;
}

function controlOf(schema: ParameterSchema): Field["control"] {
  if (schema.enum) return "choice";
  if (schema.type === "boolean") return "switch";
  return schema.type === "number" || schema.type === "integer" ? "number" : "text";
}

/** What is sent: only values that somebody chose and that are not the default. */
export function chosen(
  fields: readonly Field[],
  values: Record<string, unknown>,
): Record<string, unknown> {
  const given = fields
    .map(({ name, initial }) => [name, values[name], initial] as const)
    .filter(
      ([, value, initial]) =>
        value !== undefined && value !== null && value !== "" && value !== initial,
    );
  return Object.fromEntries(given.map(([name, value]) => [name, value]));
}
