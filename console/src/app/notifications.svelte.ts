/** Notifications of the system, for people whose tab is out of sight. Only those who asked for them get any. */

import { browserStorage } from "./browser-storage";
import { IDLE } from "./icon";
import { address } from "./router.svelte";

const WANTED = "heliograph.notify";

class Notifications {
  /** A browser has none where the page is not a secure context. */
  readonly isPossible = "Notification" in window;
  isOn = $state(
    this.isPossible &&
      Notification.permission === "granted" &&
      browserStorage.get(WANTED) === "yes",
  );

  /** Ask the browser, which asks the person. */
  async turnOn(): Promise<void> {
    this.isOn = (await Notification.requestPermission()) === "granted";
    if (this.isOn) browserStorage.set(WANTED, "yes");
  }

  turnOff(): void {
    this.isOn = false;
    browserStorage.remove(WANTED);
  }

  /** Told only while the tab is out of sight; a press leads to `href`. */
  tell(text: string, href?: string): void {
    if (!this.isOn || !document.hidden) return;
    const notification = new Notification("Heliograph", { body: text, icon: IDLE });
    notification.onclick = () => {
      window.focus();
      if (href) address.go(href);
      notification.close();
    };
  }
}

export const notifications = new Notifications();
