/** What the API answers, as far as the console looks at it. Fields are named as on the wire. */

export type Status = "queued" | "running" | "succeeded" | "failed" | "canceled" | "expired";
export type Charged = "no" | "yes" | "unknown";

export interface Variant {
  media_type: string;
  width: number | null;
  height: number | null;
  still: boolean;
  url: string | null;
  thumbhash?: string | null;
}

export interface Asset {
  id: string;
  index: number;
  media_type: string;
  width: number | null;
  height: number | null;
  duration: number | null;
  bytes: number;
  sha256: string;
  url: string | null;
  variants: Record<string, Variant>;
}

export interface NextAction {
  kind: string;
  label: string;
  example: unknown;
  patch: Record<string, unknown> | null;
}

export interface Problem {
  type: string;
  title: string;
  status: number | null;
  detail: string;
  code: string;
  retryable: boolean;
  charged: Charged | null;
  retry_after: number | null;
  errors: { pointer: string; detail: string }[];
  provider: { name: string; request_id: string | null; code: string | null } | null;
  next_actions: NextAction[];
  trace_id: string | null;
}

export interface Progress {
  percent: number | null;
  basis: string | null;
  eta_seconds: number | null;
  provider_position: number | null;
  logs: { at: string; message: string }[];
}

export interface Reference {
  asset?: string | null;
  url?: string | null;
  upload?: string | null;
}

export interface Job {
  id: string;
  project: string;
  kind: string;
  lane: string;
  model: string;
  provider: string;
  slot: string | null;
  prompt: string;
  edit_prompt: string | null;
  parameters: Record<string, unknown>;
  arguments: Record<string, unknown>;
  references: Reference[];
  priority: string;
  user: string | null;
  tags: Record<string, string>;
  status: Status;
  phase: string | null;
  detail: string | null;
  attempt: number;
  retry_of: string | null;
  batch: string | null;
  position: number | null;
  progress: Progress | null;
  charged: Charged;
  cost: { estimated: string; actual: string | null; currency: string };
  assets: Asset[];
  error: Problem | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  finish_by: string | null;
  revision: number;
  sequence: number | null;
}

export interface Page<Item> {
  items: Item[];
  next: string | null;
}

export interface JobEvent {
  sequence: number;
  type: string;
  at: string;
  job: Job;
}

export interface Attempt {
  number: number;
  refusals: number;
  account: string;
  endpoint: string;
  prompt: string;
  arguments: Record<string, unknown>;
  references: Reference[];
  price: string;
  submitting_at: string | null;
  submitted_at: string | null;
  ended_at: string | null;
  request_id: string | null;
  charged: Charged;
  outcome: string | null;
  answer: string | null;
}

export interface Version {
  version: number;
  job: string;
  assets: Asset[];
  at: string | null;
}

export interface Slot {
  slot: string;
  current: Version | null;
  active: Job | null;
  failures: Job[];
}

export interface SlotPage extends Page<Slot> {
  sequence: number;
  epoch: string;
}

export interface SlotVersions extends Slot {
  versions: Version[];
  next: string | null;
}

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

export interface Model {
  name: string;
  provider: string;
  title: string;
  media: string;
  min_references: number;
  max_references: number;
  price: { amount: string; unit: string; currency: string; parameter: string | null };
  parameters: { properties?: Record<string, ParameterSchema> };
  deprecated: boolean;
}

export interface Kind {
  name: string;
  lane: string;
  media: string;
  model: string;
  parameters: Record<string, unknown>;
  max_references: number;
  expected_seconds: number;
}

export interface Lane {
  name: string;
  cap: number;
  paused: boolean;
  in_use: number;
  waiting: number;
  oldest_wait_seconds: number | null;
  blocked: string[];
  projects: { project: string; waiting: number }[];
}

export interface WaitingJob {
  slot?: string | null;
  id: string;
  project: string;
  kind?: string;
  position: number;
  eta_seconds: number | null;
  reason: string | null;
}

export interface Account {
  name: string;
  provider: string;
  cap: number | null;
  in_use: number | null;
  breaker: { state: string; reason: string | null; until: string | null };
  p50_seconds?: number | null;
  p95_seconds?: number | null;
  error_rate?: number | null;
}

export interface ProjectSummary {
  project: string;
  counts: Partial<Record<Status, number>>;
  last_activity: string | null;
}

export interface ActionItem {
  id: string;
  outcome: string;
  from?: string | null;
  cost?: { estimated: string } | null;
  charged?: Charged | null;
  problem?: Problem | null;
}

export interface JobRequest {
  kind: string;
  prompt: string;
  model?: string;
  slot?: string;
  references?: Reference[];
  edit_prompt?: string;
  parameters?: Record<string, unknown>;
  priority?: string;
  [field: string]: unknown;
}

export interface Preview {
  action: "retry" | "cancel";
  count: number;
  refused: number;
  more: boolean;
  free?: number;
  paid?: number;
  cost?: { estimated: string };
  charged?: Partial<Record<Charged, number>>;
  items: ActionItem[];
}

export interface ActionReport {
  counts: Record<string, number>;
  items: ActionItem[];
}

export interface Usage {
  items: ({ jobs?: number; cost?: string } & Record<string, unknown>)[];
}

export interface Budget {
  limit: string | null;
  reserved: string;
  spent: string;
}
