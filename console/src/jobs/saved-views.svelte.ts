/** The named views that this browser keeps. */

import { browserStorage } from "../app/browser-storage";
import { viewsOf, type View } from "./views";

const KEPT = "heliograph.views";
const MOST = 20;

class SavedViews {
  items = $state.raw<View[]>(viewsOf(browserStorage.get(KEPT)));

  /** Keep a view; one of the same name is replaced. */
  save(view: View): void {
    const others = this.items.filter(({ name }) => name !== view.name);
    this.#keep([...others, view].slice(-MOST));
  }

  remove(name: string): void {
    this.#keep(this.items.filter((view) => view.name !== name));
  }

  #keep(views: View[]): void {
    this.items = views;
    browserStorage.set(KEPT, JSON.stringify(views));
  }
}

export const savedViews = new SavedViews();
