/** Light, dark, or as the system says; remembered. */

import { browserStorage } from "./browser-storage";

export type Theme = "system" | "light" | "dark";

const REMEMBERED = "heliograph.theme";

class Appearance {
  theme = $state<Theme>((browserStorage.get(REMEMBERED) as Theme | null) ?? "system");

  /** Show a theme from now on. */
  choose(theme: Theme): void {
    this.theme = theme;
    browserStorage.set(REMEMBERED, theme);
    this.apply();
  }

  apply(): void {
    if (this.theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = this.theme;
  }
}

export const appearance = new Appearance();
