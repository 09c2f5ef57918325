// What can be pressed, chosen or filled in. Values are plain: a text, an option's value, or a list of values.

import { byId, el } from "/page/dom.js";
import { closeDialog, openDialog } from "/page/focus.js";
import { menu } from "/page/menu.js";
import { plain, text } from "/page/mrkdwn.js";

export function confirmed(question, names) {
  if (!question) return Promise.resolve(true);
  const dialog = byId("confirm");
  return new Promise((resolve) => {
    const done = (answer) => () => { closeDialog(dialog); resolve(answer); };
    const yes = el("button", { class: `btn ${question.style ?? "primary"}`, type: "button", onclick: done(true) }, plain(question.confirm.text));
    const no = el("button", { class: "btn", type: "button", onclick: done(false) }, plain(question.deny.text));
    dialog.replaceChildren(
      el("div", { class: "modal-head" }, el("h2", { id: "confirm-title" }, plain(question.title.text))),
      el("div", { class: "modal-body" }, text(question.text, names)),
      el("div", { class: "modal-foot" }, no, yes),
    );
    dialog.oncancel = (event) => { event.preventDefault(); done(false)(); };
    openDialog(dialog);
    (question.style === "danger" ? no : yes).focus();
  });
}

export const pressable = (element, stage) => !element.visible_to_user_ids || element.visible_to_user_ids.includes(stage.me);

async function press(node, element, block, stage, value, question = element.confirm) {
  if (!(await confirmed(question, stage.names))) return false;
  node.setAttribute("aria-busy", "true");
  await stage.press(block, element, value);
  node.removeAttribute("aria-busy");
  return true;
}

function button(element, block, stage) {
  const label = element.text.text;
  const node = el("button", {
    class: `btn ${element.style ?? ""}`,
    type: "button",
    "aria-label": element.accessibility_label ?? (stage.about ? `${label}, ${stage.about}` : undefined),
    "data-key": `${block.block_id}/${element.action_id}`,
  }, plain(label));
  node.addEventListener("click", async () => {
    if (node.getAttribute("aria-busy")) return;
    if (element.url && /^https?:/i.test(element.url)) window.open(element.url, "_blank", "noopener");
    await press(node, element, block, stage, element.value ?? null);
  });
  return node;
}

export function overflow(element, block, stage) {
  const name = stage.about ? `More actions, ${stage.about}` : "More actions";
  return menu({
    toggle: { class: "btn more", "aria-label": name, "data-key": `${block.block_id}/${element.action_id}` },
    face: "⋯",
    options: element.options,
    label: name,
    pick: (value, toggle) => press(toggle, element, block, stage, value),
  });
}

// A native select would press at the first arrow key; in a message, where choosing acts at once, it is a menu.
function selectInMessage(element, block, stage) {
  const title = element.initial_option?.text.text ?? element.placeholder?.text ?? "Choose…";
  const name = stage.about ? `${title}, ${stage.about}` : title;
  return menu({
    toggle: { class: "btn choose", "aria-label": name, "data-key": `${block.block_id}/${element.action_id}` },
    face: [plain(title), el("span", { "aria-hidden": "true" }, " ▾")].flat(),
    options: optionsOf(element),
    label: name,
    pick: (value, toggle) => press(toggle, element, block, stage, value),
  });
}

const optionsOf = (element) => element.options ?? (element.option_groups ?? []).flatMap((group) => group.options);

function pool(element, stage) {
  if (/users_select/.test(element.type)) return stage.people.map((one) => ({ value: one.id, label: one.name }));
  if (/conversations_select|channels_select/.test(element.type)) return stage.places.map((one) => ({ value: one.id, label: `#${one.name}` }));
  return optionsOf(element).map((option) => ({ value: option.value, label: option.text.text }));
}

const started = (element) =>
  element.initial_option?.value ?? element.initial_options?.map((option) => option.value) ?? element.initial_value ??
  element.initial_date ?? element.initial_time ?? element.initial_user ?? element.initial_conversation ?? element.initial_channel ?? null;

function select(element, stage, known) {
  const many = element.type.startsWith("multi_");
  const chosen = new Set([known ?? started(element) ?? []].flat());
  const entries = pool(element, stage).map((one) => el("option", { value: one.value, selected: chosen.has(one.value) }, one.label));
  if (!many) entries.unshift(el("option", { value: "", selected: chosen.size === 0 }, element.placeholder?.text ?? "Choose…"));
  const node = el("select", { multiple: many });
  node.append(...entries);
  const read = () => (many ? [...node.selectedOptions].map((one) => one.value) : node.value || null);
  return { node, read };
}

function choices(element, stage, known, block) {
  const many = element.type === "checkboxes";
  const chosen = new Set([known ?? started(element) ?? []].flat());
  const name = `${block.block_id}/${element.action_id}`;
  const boxes = element.options.map((option) => el("input", {
    type: many ? "checkbox" : "radio", name, value: option.value, checked: chosen.has(option.value),
  }));
  const rows = element.options.map((option, index) => el("label", { class: "choice" }, boxes[index],
    el("span", {}, text(option.text, stage.names), option.description && el("small", {}, text(option.description, stage.names)))));
  const read = () => {
    const values = boxes.filter((box) => box.checked).map((box) => box.value);
    return many ? values : values[0] ?? null;
  };
  return { node: el("div", { class: "choices" }, rows), read, isGroup: true };
}

const TYPES = { datepicker: "date", timepicker: "time", datetimepicker: "datetime-local", number_input: "text", email_text_input: "email", url_text_input: "url" };

function line(element, known) {
  const long = element.multiline === true;
  const node = el(long ? "textarea" : "input", {
    type: long ? undefined : TYPES[element.type] ?? "text",
    rows: long ? "4" : undefined,
    maxlength: element.max_length ? String(element.max_length) : undefined,
    inputmode: element.type === "number_input" ? "decimal" : undefined,
    placeholder: element.placeholder?.text,
  });
  node.value = known ?? started(element) ?? "";
  const read = () => {
    if (element.type === "datetimepicker") return node.value ? Math.floor(new Date(node.value) / 1000) : null;
    return node.value || null;
  };
  return { node, read };
}

// An input with `node`, and `read()` for its plain value. `known` is what was typed before a redraw.
export function input(element, block, stage, known) {
  if (/select$/.test(element.type) && !/external/.test(element.type)) return select(element, stage, known);
  if (element.type === "radio_buttons" || element.type === "checkboxes") return choices(element, stage, known, block);
  return line(element, known);
}

export function control(element, block, stage) {
  if (element.type === "feedback_buttons") {
    return el("span", {}, [element.positive_button, element.negative_button].map((one) => button({ ...element, ...one }, block, stage)));
  }
  if (element.type.endsWith("button")) return button(element, block, stage);
  if (element.type === "static_select" && !stage.made) return selectInMessage(element, block, stage);
  const made = input(element, block, stage, stage.known?.(block, element));
  stage.made?.(block, element, made.read);
  made.node.setAttribute("aria-label", [element.placeholder?.text ?? "Choose", stage.about].filter(Boolean).join(", "));
  made.node.addEventListener("change", () => press(made.node, element, block, stage, made.read()));
  return made.node;
}
