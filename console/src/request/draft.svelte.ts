/** A request while somebody writes it: what is chosen, what it costs, what the server says against it. */

import { session } from "../app/session.svelte";
import { reasonOf } from "../app/toasts.svelte";
import * as api from "../live/api";
import { Refused } from "@heliograph/client";
import type { CastRequest, Job, JobRequest, Lane, NextAction } from "../live/types";
import { chosen, fieldsOf } from "./fields";
import { estimate } from "./price";
import { References } from "./references.svelte";

export const CAST = "cast_ref"; // made in pairs, by a call of their own

export class Draft {
  kindName = $state("");
  modelName = $state("");
  slot = $state("");
  person = $state("");
  prompt = $state("");
  editPrompt = $state("");
  values = $state<Record<string, unknown>>({});
  busy = $state(false);
  /** What the server said against the request, by field. */
  faults = $state.raw<Record<string, string>>({});
  refusal = $state("");
  actions = $state.raw<NextAction[]>([]);
  lanes = $state.raw<Lane[]>([]);
  readonly references: References;
  /** One key as long as the same request is tried again: it cannot be paid twice. */
  #key = api.newKey();
  #sent = "";

  readonly kind = $derived(
    session.kinds.find(({ name }) => name === this.kindName) ?? session.kinds[0],
  );
  readonly models = $derived(
    session.models.filter(({ media, deprecated }) => media === this.kind?.media && !deprecated),
  );
  readonly model = $derived(
    this.models.find(({ name }) => name === this.modelName) ??
      this.models.find(({ name }) => name === this.kind?.model) ??
      this.models[0],
  );
  readonly fields = $derived(
    fieldsOf(this.model?.parameters.properties ?? {}).map((field) => ({
      ...field,
      initial: this.kind?.parameters[field.name] ?? field.initial,
    })),
  );
  readonly parameters = $derived(chosen(this.fields, this.values));
  readonly isCast = $derived(this.kind?.name === CAST);
  readonly estimate = $derived.by(() => {
    if (!this.model) return null;
    const one = estimate(this.model, this.parameters);
    return this.isCast ? { ...one, amount: one.amount * 2 } : one;
  });
  readonly lane = $derived(this.lanes.find(({ name }) => name === this.kind?.lane));

  constructor(readonly project: string) {
    this.references = new References(project);
  }

  async loadLanes(): Promise<void> {
    this.lanes = await api.lanes().then(
      (page) => page.items,
      () => [], // the wait is left out; sending says what is wrong
    );
  }

  /** Begin with what another job was asked for. */
  copy(job: Job): void {
    this.kindName = job.kind;
    this.modelName = job.model;
    this.slot = job.slot ?? "";
    this.prompt = job.prompt;
    this.editPrompt = job.edit_prompt ?? "";
    this.values = { ...job.parameters };
    for (const { asset, url, upload } of job.references) {
      const given = asset ? { asset } : upload ? { upload } : url ? { url } : null;
      if (given) this.references.refer(given);
    }
  }

  /** Take over what the server proposes to change. */
  apply(patch: Record<string, unknown>): void {
    if (typeof patch.prompt === "string") this.prompt = patch.prompt;
    if (typeof patch.model === "string") this.modelName = patch.model;
    if (typeof patch.slot === "string" || patch.slot === null) this.slot = patch.slot ?? "";
    if (patch.parameters) Object.assign(this.values, patch.parameters);
    this.refusal = "";
    this.actions = [];
  }

  /** The jobs that were made; null after a refusal, which is explained in `faults` and `refusal`. */
  async send(): Promise<Job[] | null> {
    const pair = this.isCast && this.#castRequest();
    const request = this.#jobRequest();
    const written = JSON.stringify(pair || request);
    if (written !== this.#sent) this.#key = api.newKey();
    this.#sent = written;
    this.busy = true;
    [this.faults, this.refusal, this.actions] = [{}, "", []];
    try {
      if (!pair) return [await api.submit(this.project, request, this.#key)];
      const { jobs } = await api.cast(this.project, this.person, pair, this.#key);
      return Object.values(jobs);
    } catch (error) {
      this.#explain(error);
      return null;
    } finally {
      this.busy = false;
    }
  }

  #jobRequest(): JobRequest {
    const { kind, model, slot, prompt, editPrompt, parameters } = this;
    return {
      kind: kind!.name,
      prompt,
      model: model!.name,
      ...(slot && { slot }),
      ...(editPrompt && { edit_prompt: editPrompt }),
      ...(this.references.ready.length && {
        references: this.references.ready.map((item) => $state.snapshot(item.reference!)),
      }),
      ...(Object.keys(parameters).length && { parameters }),
    };
  }

  #castRequest(): CastRequest {
    const ratio = this.parameters.aspect_ratio;
    return {
      operation: "create",
      prompt: this.prompt,
      model: this.model!.name,
      ...(this.references.ready.length && {
        references: this.references.ready.map((item) => $state.snapshot(item.reference!)),
      }),
      ...(ratio ? { aspect_ratio: String(ratio) } : {}),
    };
  }

  #explain(error: unknown): void {
    this.refusal = reasonOf(error);
    if (!(error instanceof Refused)) return;
    const { errors, next_actions } = error.problem;
    this.faults = Object.fromEntries(
      errors.map(({ pointer, detail }) => [pointer.replace(/^\/(parameters\/)?/, ""), detail]),
    );
    this.actions = next_actions.filter(({ patch }) => patch);
  }
}
