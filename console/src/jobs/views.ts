/** Views of the list of jobs that somebody named: a filter and an order. This browser keeps them, for all projects. */

export interface View {
  name: string;
  query: string; // of the address, without "?"
}

/** Views as they are kept; none where what is kept cannot be read. */
export function viewsOf(kept: string | null): View[] {
  try {
    const views: unknown = JSON.parse(kept ?? "[]");
    return Array.isArray(views) ? views.filter(isView) : [];
  } catch {
    return [];
  }
}

const isView = (view: View | null) =>
  typeof view?.name === "string" && typeof view.query === "string";
