// The modal on top of the stack. It is redrawn only when the app changes it, and keeps what was typed.

import { byId, el } from "/page/dom.js";
import { render } from "/page/blocks.js";
import { input } from "/page/elements.js";
import { closeDialog, openDialog } from "/page/focus.js";
import { plain } from "/page/mrkdwn.js";

let shown = null;
let readers = [];

const keyOf = (block, element) => `${block.block_id}/${element.action_id}`;

function typed() {
  return Object.fromEntries(readers.map(({ block, element, read }) => [keyOf(block, element), read()]));
}

function values() {
  const whole = {};
  for (const { block, element, read } of readers) (whole[block.block_id] ??= {})[element.action_id] = read();
  return whole;
}

function field(block, stage, view, known) {
  const { element } = block;
  const id = `field-${keyOf(block, element)}`;
  const problem = view.errors[block.block_id];
  const made = input(element, block, stage, known[keyOf(block, element)]);
  readers.push({ block, element, read: made.read });
  const notes = [
    block.hint && el("p", { class: "quiet", id: `${id}-hint` }, plain(block.hint.text)),
    problem && el("p", { class: "error", id: `${id}-error`, role: "alert" }, `⚠ ${problem}`),
  ];
  const described = [block.hint && `${id}-hint`, problem && `${id}-error`].filter(Boolean).join(" ") || undefined;
  if (block.dispatch_action) made.node.addEventListener("change", () => stage.press(block, element, made.read()));
  const label = [plain(block.label.text), block.optional && el("span", { class: "quiet" }, " (optional)")];
  if (made.isGroup) {
    return el("fieldset", { class: "field", "aria-describedby": described }, el("legend", {}, label), made.node, notes);
  }
  made.node.id = id;
  if (described) made.node.setAttribute("aria-describedby", described);
  if (problem) made.node.setAttribute("aria-invalid", "true");
  return el("div", { class: "field" }, el("label", { for: id }, label), made.node, notes);
}

function draw(view, context, known) {
  readers = [];
  const stage = {
    ...context,
    field: (block) => field(block, stage, view, known),
    known: (block, element) => known[keyOf(block, element)],
    made: (block, element, read) => readers.push({ block, element, read }),
    press: (block, element, value) => context.act("press", {
      view_id: view.id, block_id: block.block_id, action_id: element.action_id, value,
    }),
  };
  const close = () => context.act("close_view", { view_id: view.id });
  const form = el("form", { method: "dialog" },
    el("div", { class: "modal-head" },
      el("h2", { id: "modal-title" }, plain(view.title.text)),
      el("button", { class: "btn small", type: "button", "aria-label": "Close", onclick: close }, "✕")),
    el("div", { class: "modal-body" }, render(view.blocks, stage)),
    el("p", { class: "trouble", id: "modal-trouble", hidden: true }),
    el("div", { class: "modal-foot" },
      el("button", { class: "btn", type: "button", onclick: close }, plain(view.close?.text ?? "Cancel")),
      view.submit && el("button", { class: "btn primary", type: "submit" }, plain(view.submit.text))));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button[type=submit]");
    button?.setAttribute("aria-busy", "true");
    const answer = await context.act("submit", { view_id: view.id, values: values() });
    button?.removeAttribute("aria-busy");
    if (answer.error && answer.error !== "not_sent") {
      const trouble = byId("modal-trouble");
      if (trouble) { trouble.hidden = false; trouble.textContent = `⚠ We had some trouble connecting. Try again? (${answer.error})`; }
    }
  });
  const dialog = byId("modal");
  dialog.replaceChildren(form);
  dialog.oncancel = (event) => { event.preventDefault(); close(); };
  openDialog(dialog);
  const first = form.querySelector("[aria-invalid]") ?? form.querySelector(".modal-body :is(input, select, textarea)");
  (first ?? form.querySelector(".modal-foot button:last-child"))?.focus();
}

export function showModal(view, context) {
  const dialog = byId("modal");
  if (!view) {
    shown = null;
    readers = [];
    closeDialog(dialog);
    return;
  }
  const mark = JSON.stringify([view.id, view.hash, view.errors]);
  if (mark === shown?.mark) return;
  const known = shown?.id === view.id ? typed() : {};
  shown = { mark, id: view.id };
  draw(view, context, known);
}
