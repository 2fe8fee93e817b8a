/** A request while somebody writes it: what is chosen, what it costs, what the server says against it. */

import { session } from "../app/session.svelte";
import { reasonOf } from "../app/toasts.svelte";
import * as api from "../live/api";
import { Refused } from "@heliograph/client";
import type { CastRequest, Job, JobRequest, Lane, NextAction } from "../live/types";
import { chosen, fieldsOf } from "./fields";
import { Quotation } from "./quotation.svelte";
import { References } from "./references.svelte";
import { Submission } from "./submission";

export const CAST = "cast_ref"; // made in pairs, by a call of their own

/** What a cast takes of the parameters of a model. */
const OF_A_CAST = ["aspect_ratio"];
/** Stands in for a prompt that is not written yet: the price does not depend on it. */
const SOME_PROMPT = "…";

export class Draft {
  readonly project: string;
  kindName = $state("");
  modelName = $state("");
  slot = $state("");
  person = $state("");
  prompt = $state("");
  editPrompt = $state("");
  /** What it may cost where the price of the model is not known; US dollars. */
  maxCost = $state("");
  values = $state<Record<string, unknown>>({});
  busy = $state(false);
  /** The job that it goes on from is on its way. */
  copying = $state(false);
  /** What the server said against the request, by field. */
  faults = $state.raw<Record<string, string>>({});
  refusal = $state("");
  actions = $state.raw<NextAction[]>([]);
  lanes = $state.raw<Lane[]>([]);
  readonly references = new References(() => this.project);
  readonly quotation = new Quotation((jobs) => api.quote(this.project, jobs));
  readonly #submission = new Submission<Job[]>(api.newKey);

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
  readonly isCast = $derived(this.kind?.name === CAST);
  readonly fields = $derived(
    fieldsOf(this.model?.parameters.properties ?? {})
      .filter(({ name }) => !this.isCast || OF_A_CAST.includes(name))
      .map((field) => ({ ...field, initial: this.kind?.parameters[field.name] ?? field.initial })),
  );
  readonly parameters = $derived(chosen(this.fields, this.values));
  readonly tooFew = $derived(this.references.ready.length < (this.model?.min_references ?? 0));
  /** Nobody knows what it costs until somebody says what it may cost. */
  readonly needsMaxCost = $derived(
    this.maxCost !== "" || isAbout(this.quotation.error, "price_unknown"),
  );
  /** The requests whose price is shown; none while they cannot be made. */
  readonly priced = $derived.by((): JobRequest[] => {
    if (!this.kind || !this.model || this.tooFew) return [];
    const one = { ...this.#jobRequest(), prompt: this.prompt || SOME_PROMPT };
    return this.isCast ? [one, one] : [one];
  });

  constructor(project: string) {
    this.project = project;
  }

  close(): void {
    this.quotation.close();
    this.references.close();
  }

  async loadLanes(): Promise<void> {
    this.lanes = await api.lanes().then(
      (page) => page.items,
      () => [], // whether it starts at once is left out; sending says what is wrong
    );
  }

  /** Go on from what another job was asked for. What was written before its answer came stays. */
  copy(job: Job): void {
    this.kindName ||= job.kind;
    this.modelName ||= job.model;
    this.slot ||= job.slot ?? "";
    this.prompt ||= job.prompt;
    this.editPrompt ||= job.edit_prompt ?? "";
    this.values = { ...job.parameters, ...this.values };
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

  /**
   * The jobs that were made; null after a refusal, which is explained in `faults` and `refusal`. No
   * request is sent that costs more than what was shown.
   */
  async send(): Promise<Job[] | null> {
    if (this.busy) return null;
    this.busy = true;
    [this.faults, this.refusal, this.actions] = [{}, "", []];
    try {
      return await this.#submission.send(this.isCast ? this.#castCall() : this.#jobCall());
    } catch (error) {
      this.#explain(error);
      return null;
    } finally {
      this.busy = false;
    }
  }

  #jobCall() {
    const request = this.#jobRequest();
    return {
      written: JSON.stringify(request),
      bind: async () => {
        const [quote] = (await this.quotation.agreed()).items;
        return async (key: string) => [
          await api.submit(this.project, { ...request, quote: quote!.quote }, key),
        ];
      },
    };
  }

  #castCall() {
    const request = this.#castRequest();
    return {
      written: JSON.stringify([this.person, request]),
      bind: async () => {
        const [quote] = (await this.quotation.agreed()).items;
        const body = { ...request, max_cost: quote!.cost.estimated };
        return async (key: string) =>
          Object.values((await api.cast(this.project, this.person, body, key)).jobs);
      },
    };
  }

  #jobRequest(): JobRequest {
    const { kind, model, slot, prompt, editPrompt, parameters, maxCost } = this;
    return {
      kind: kind!.name,
      prompt,
      model: model!.name,
      ...(slot && !this.isCast && { slot }),
      ...(editPrompt && !this.isCast && { edit_prompt: editPrompt }),
      ...this.#referred(),
      ...(Object.keys(parameters).length && { parameters }),
      ...(maxCost && { max_cost: maxCost }),
    };
  }

  #castRequest(): CastRequest {
    const ratio = this.parameters.aspect_ratio;
    return {
      operation: "create",
      prompt: this.prompt,
      model: this.model!.name,
      ...this.#referred(),
      ...(ratio ? { aspect_ratio: String(ratio) } : {}),
    };
  }

  #referred() {
    const { ready } = this.references;
    if (!ready.length) return {};
    return { references: ready.map((item) => $state.snapshot(item.reference!)) };
  }

  #explain(error: unknown): void {
    this.refusal = reasonOf(error);
    if (!(error instanceof Refused)) return;
    const { errors, next_actions } = error.problem;
    if (isAbout(error, "over_max_cost", "quote_expired")) this.quotation.forget();
    else this.actions = next_actions.filter(({ patch }) => patch);
    this.faults = Object.fromEntries(
      errors.map(({ pointer, detail }) => [fieldAt(pointer), plainly(fieldAt(pointer), detail)]),
    );
    const isSeen = (field: string) =>
      ALWAYS_SEEN.includes(field) ||
      this.fields.some(({ name, advanced }) => name === field && !advanced);
    if (errors.length && Object.keys(this.faults).every(isSeen))
      this.refusal = "Nothing was sent: the marked field has to be changed.";
  }
}

/** Fields that every form shows, with what is said against them. */
const ALWAYS_SEEN = ["prompt", "model", "slot"];
const SLOT_RULE =
  "Letters, digits, - and _, with slashes between the parts of a name, as portrait/keeper.";

/** What the server says against a field, without a regular expression. */
const plainly = (field: string, detail: string) =>
  field === "slot" && detail.includes("match pattern") ? SLOT_RULE : detail;

/** "/jobs/0/parameters/seed" is about the field "seed". */
const fieldAt = (pointer: string) => pointer.replace(/^(\/jobs\/\d+)?\/(parameters\/)?/, "");

const isAbout = (error: unknown, ...codes: string[]) =>
  error instanceof Refused && codes.includes(error.code);
