/** How far two pictures are zoomed, and where: one state for both. */

const MOST = 8;

export class Zoom {
  scale = $state(1);
  x = $state(0); // of the middle, in shares of the frame's width
  y = $state(0);
  readonly transform = $derived(
    `translate(${this.x * 100}%, ${this.y * 100}%) scale(${this.scale})`,
  );

  by(factor: number): void {
    this.scale = Math.min(MOST, Math.max(1, this.scale * factor));
    this.#hold();
  }

  /** Move by a share of the frame. */
  move(x: number, y: number): void {
    this.x += x;
    this.y += y;
    this.#hold();
  }

  reset(): void {
    [this.scale, this.x, this.y] = [1, 0, 0];
  }

  /** The picture's edge never comes inside the frame. */
  #hold(): void {
    const room = (this.scale - 1) / 2;
    this.x = Math.min(room, Math.max(-room, this.x));
    this.y = Math.min(room, Math.max(-room, this.y));
  }
}

/** Zoom by wheel with Ctrl or the fingers, move by dragging. */
export function zoomable(element: HTMLElement, zoom: Zoom): { destroy(): void } {
  const end = new AbortController();
  const options = { signal: end.signal, passive: false };
  element.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && zoom.scale === 1) return; // the page scrolls
      event.preventDefault();
      zoom.by(Math.exp(-event.deltaY / 300));
    },
    options,
  );
  element.addEventListener(
    "pointermove",
    (event) => {
      if (!event.buttons || zoom.scale === 1) return;
      zoom.move(event.movementX / element.clientWidth, event.movementY / element.clientHeight);
    },
    options,
  );
  return { destroy: () => end.abort() };
}
