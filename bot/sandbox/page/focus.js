// Where the keyboard is: it stays inside an open dialog, and finds its way back when a message was redrawn meanwhile.

import { byId } from "/page/dom.js";

const CONTROLS = "button, select, input, textarea, a[href], [tabindex='0']";

// Describes a control so that its successor can be found: its message, its ids, and the invoice it stands for.
export function placeOf(node) {
  return {
    node,
    ts: node?.closest?.("[data-ts]")?.dataset.ts,
    key: node?.closest?.("[data-key]")?.dataset.key,
    about: node?.closest?.("[data-about]")?.dataset.about,
  };
}

// A row that runs shows no buttons: then its text takes the focus, so that Tab goes on from there.
export function returnTo(place) {
  if (!place?.node) return;
  const scope = (place.ts && document.querySelector(`[data-ts="${CSS.escape(place.ts)}"]`)) || byId("stream");
  const same = place.key && scope.querySelector(`[data-key="${CSS.escape(place.key)}"]`);
  const row = place.about && scope.querySelector(`.section[data-about="${CSS.escape(place.about)}"]`);
  const target = place.node.isConnected ? place.node : same || row || scope;
  target.focus({ preventScroll: true });
}

let opener = null;
let dialogs = 0;

export function openDialog(dialog) {
  if (dialog.open) return;
  if (dialogs++ === 0) opener = placeOf(document.activeElement === document.body ? opener?.node : document.activeElement);
  dialog.showModal();
}

export function closeDialog(dialog) {
  if (!dialog.open) return;
  dialog.close();
  if (--dialogs === 0) returnTo(opener);
}

function keepInside(event) {
  if (event.key !== "Tab") return;
  const inside = [...event.currentTarget.querySelectorAll(CONTROLS)].filter((one) => !one.disabled && one.offsetParent !== null);
  const edge = event.shiftKey ? inside[0] : inside.at(-1);
  if (!inside.includes(document.activeElement) || document.activeElement === edge) {
    event.preventDefault();
    (event.shiftKey ? inside.at(-1) : inside[0])?.focus();
  }
}

export function guardDialogs() {
  for (const dialog of document.querySelectorAll("dialog")) dialog.addEventListener("keydown", keepInside);
}
