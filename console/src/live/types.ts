/** What the API answers, under the names of the views. Fields are named as on the wire. */

import type { components, Job } from "@heliograph/client";

export type {
  Account,
  Asset,
  Job,
  Kind,
  Lane,
  LiveState,
  NextAction,
  Problem,
  Reference,
  Slot,
  SlotVersions,
} from "@heliograph/client";

type Schemas = components["schemas"];

export type Session = Schemas["Session"];
export type Scope = Session["scopes"][number];
export type Status = Job["status"];
export type Charged = Job["charged"];
export type Counts = Partial<Record<Status, number>>;
export type Attempt = Schemas["Attempt"];
export type JobEvent = Schemas["ListedEvent"];
export type Version = Schemas["Version"];
export type WaitingJob = Schemas["WaitingJob"];
export type ListedProject = Schemas["ListedProject"];
export type Preview = Schemas["RetryPreview"] | Schemas["CancelPreview"];
export type UsageReport = Schemas["UsageReport"];
export type Budget = Schemas["BudgetState"];
export type CastRequest = Schemas["CastRequest"];
/** A request as it is sent: what it leaves out has its default. */
export type JobRequest = Pick<Schemas["JobRequest"], "kind" | "prompt"> &
  Partial<Schemas["JobRequest"]>;
export type WholeJobRequest = Schemas["JobRequest"];
export type QuoteList = Schemas["QuoteList"];
export type SetBudget = Schemas["SetBudget"];

/** The JSON Schema of one parameter, as far as a form shows it. */
export interface ParameterSchema {
  title?: string;
  description?: string;
  type?: string;
  enum?: (string | number)[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  default?: unknown;
  anyOf?: ParameterSchema[];
  "x-unit"?: string;
  "x-advanced"?: boolean;
}

export type Model = Omit<Schemas["ListedModel"], "parameters"> & {
  parameters: { properties?: Record<string, ParameterSchema> };
};
