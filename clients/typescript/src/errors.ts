/**
 * Errors of the client:
 *
 * - `Refused`       the service said no: `problem` says why, and what can be done
 * - `NotReachable`  no answer that can be used: `cause` says why; try again later
 * - `JobFailed`     the job ended without a result: `job.error` says why
 *
 * What the caller aborts is thrown as the reason of the caller's signal.
 */
import type { Job, NextAction, Problem, ProblemCode } from "./types.js";

/** The service refused the request. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(`${problem.code}: ${problem.detail}`);
    this.problem = problem;
  }

  /** Stable, for programs: `validation_failed`, `slot_busy`, … A newer service may have others. */
  get code(): ProblemCode | (string & {}) {
    return this.problem.code;
  }

  /** The same request may succeed later. */
  get retryable(): boolean {
    return this.problem.retryable;
  }

  get charged(): Problem["charged"] {
    return this.problem.charged;
  }

  /** What can be done; a `patch` can be laid over the request. */
  get nextActions(): NextAction[] {
    return this.problem.next_actions;
  }

  /** What is wrong with a field, by its JSON Pointer, as `/prompt`. */
  fieldError(pointer: string): string | undefined {
    return this.problem.errors.find((error) => error.pointer === pointer)?.detail;
  }
}

/** No service answers at that address, or what answers is none. */
export class NotReachable extends Error {
  override readonly name = "NotReachable";
  readonly url: string;

  constructor(url: string, reason: string, cause?: unknown) {
    super(`${url}: ${reason}`, { cause });
    this.url = url;
  }
}

/** The job ended without a result. */
export class JobFailed extends Error {
  override readonly name = "JobFailed";
  readonly job: Job;

  constructor(job: Job) {
    super(`${job.id} ${job.error ? `${job.error.code}: ${job.error.detail}` : job.status}`);
    this.job = job;
  }
}
