/** Short notices in a corner: what was done, or why not. */

import { NotReachable, Refused } from "@heliograph/client";

export interface Toast {
  id: number;
  text: string;
  tone: "plain" | "good" | "bad";
  href?: string;
}

const SHOWN_FOR = 6000; // milliseconds
const MOST = 4; // more at once would cover the page

class Toasts {
  items = $state.raw<Toast[]>([]);
  #last = 0;

  show(text: string, { tone = "plain", href }: Partial<Pick<Toast, "tone" | "href">> = {}): void {
    const toast: Toast = { id: ++this.#last, text, tone, ...(href ? { href } : {}) };
    this.items = [...this.items, toast].slice(-MOST);
    setTimeout(() => this.dismiss(toast.id), SHOWN_FOR);
  }

  dismiss(id: number): void {
    this.items = this.items.filter((toast) => toast.id !== id);
  }

  /** Say why something was not done. */
  explain(error: unknown): void {
    this.show(reasonOf(error), { tone: "bad" });
  }
}

/** An error as a sentence for people. */
export function reasonOf(error: unknown): string {
  if (error instanceof Refused) return error.problem.detail || error.problem.title;
  if (error instanceof NotReachable)
    return "The gateway does not answer. Nothing was sent twice; try again.";
  return error instanceof Error ? error.message : String(error);
}

export const toasts = new Toasts();
