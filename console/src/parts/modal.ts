/** A modal dialog of the platform, as a Svelte action: it opens with its element, and gives the focus back. */
export function modal(element: HTMLDialogElement): { destroy(): void } {
  const opener = document.activeElement;
  element.showModal();
  return {
    destroy() {
      if (opener instanceof HTMLElement) opener.focus();
    },
  };
}
