// Slack's blocks as DOM nodes. `stage` says how names are looked up and what a press does.

import { el } from "/page/dom.js";
import { control, overflow, pressable } from "/page/elements.js";
import { dateText, emoji, link, mrkdwn, plain, text } from "/page/mrkdwn.js";

function picture(image) {
  // The page asks nothing of other hosts, so a picture is shown by what it says.
  return el("span", { class: "picture", role: "img", "aria-label": image.alt_text, title: image.image_url ?? "" }, `[Picture: ${image.alt_text}]`);
}

function accessory(element, block, stage) {
  if (element.type === "image") return picture(element);
  if (element.type === "overflow") return overflow(element, block, stage);
  return control(element, block, stage);
}

function section(block, stage) {
  const words = el("div", { class: "section-text" });
  if (block.text) words.append(el("div", {}, text(block.text, stage.names)));
  if (block.fields) {
    words.append(el("div", { class: "fields" }, block.fields.map((field) => el("div", {}, text(field, stage.names)))));
  }
  const side = block.accessory && el("div", { class: "accessory" }, accessory(block.accessory, block, stage));
  return el("div", { class: "block section", "data-about": stage.isTitle && stage.about, tabindex: stage.isTitle && "-1" }, words, side);
}

function styled(leaf, node) {
  const wraps = { bold: "strong", italic: "em", strike: "s", code: "code", underline: "u", highlight: "mark" };
  return Object.keys(wraps).filter((mark) => leaf.style?.[mark]).reduce((inner, mark) => el(wraps[mark], {}, inner), node);
}

function leaf(part, stage) {
  const { names } = stage;
  switch (part.type) {
    case "text": return styled(part, el("span", { class: "literal" }, part.text));
    case "link": return styled(part, link(part.url, [part.text ?? part.url]));
    case "user": return el("span", { class: "mention" }, `@${names.person(part.user_id) ?? part.user_id}`);
    case "usergroup": return el("span", { class: "mention" }, `@${names.group(part.usergroup_id) ?? part.usergroup_id}`);
    case "channel": return el("span", { class: "mention" }, `#${names.channel(part.channel_id) ?? part.channel_id}`);
    case "broadcast": return el("span", { class: "mention loud" }, `@${part.range}`);
    case "emoji": return el("span", {}, emoji(part.name));
    case "date": return el("time", { title: part.fallback ?? "" }, dateText(part.timestamp, part.format, part.fallback));
    default: return el("span", {}, part.value ?? part.type);
  }
}

function rich(part, stage) {
  const inside = () => part.elements.map((one) => (one.elements ? rich(one, stage) : leaf(one, stage)));
  switch (part.type) {
    case "rich_text_list":
      return el(part.style === "ordered" ? "ol" : "ul", {}, part.elements.map((one) => el("li", {}, rich(one, stage))));
    case "rich_text_quote": return el("blockquote", {}, inside());
    case "rich_text_preformatted": return el("pre", {}, inside());
    default: return el("div", {}, inside());
  }
}

function cell(content, stage) {
  return content.type === "raw_text" ? content.text : content.elements.map((part) => rich(part, stage));
}

function table(block, stage) {
  const [head, ...rows] = block.rows;
  return el("div", { class: "block scroll", tabindex: "0" }, el("table", {},
    el("thead", {}, el("tr", {}, head.map((one) => el("th", { scope: "col" }, cell(one, stage))))),
    el("tbody", {}, rows.map((row) => el("tr", {}, row.map((one) => el("td", {}, cell(one, stage)))))),
  ));
}

function chart(block) {
  // As a table: every number can be read, and no colour carries a meaning.
  const { chart: drawn } = block;
  const series = drawn.type === "pie" ? [{ name: "", data: drawn.segments }] : drawn.series;
  const most = Math.max(1, ...series.flatMap((one) => one.data.map((point) => Math.abs(point.value))));
  const rows = series[0].data.map((point, index) => el("tr", {},
    el("th", { scope: "row" }, point.label),
    series.map((one) => el("td", {}, `${one.data[index].value} `, el("meter", { min: "0", max: String(most), value: String(Math.abs(one.data[index].value)) }))),
  ));
  return el("figure", { class: "block chart" }, el("figcaption", {}, `${block.title} (${drawn.type} chart)`),
    el("table", {}, el("thead", {}, el("tr", {}, el("td"), series.map((one) => el("th", { scope: "col" }, one.name)))), el("tbody", {}, rows)));
}

function header(block) {
  return el("h3", { class: "block header" }, plain(block.text.text));
}

function actions(block, stage) {
  const elements = block.elements.filter((one) => pressable(one, stage));
  return el("div", { class: "block actions", "data-about": stage.about, role: stage.about && "group", "aria-label": stage.about }, elements.map((one) => accessory(one, block, stage)));
}

const BLOCKS = {
  section,
  header,
  actions,
  table,
  context_actions: actions,
  data_visualization: chart,
  divider: () => el("hr", { class: "block" }),
  context: (block, stage) => el("div", { class: "block context" },
    block.elements.map((one) => (one.type === "image" ? picture(one) : el("span", {}, text(one, stage.names))))),
  image: (block) => el("figure", { class: "block" }, block.title && el("figcaption", {}, plain(block.title.text)), picture(block)),
  rich_text: (block, stage) => el("div", { class: "block rich" }, block.elements.map((part) => rich(part, stage))),
  markdown: (block) => el("div", { class: "block literal" }, block.text),
  alert: (block, stage) => el("div", { class: `block alert ${block.level ?? ""}`, role: "note" }, text(block.text, stage.names)),
  input: (block, stage) => stage.field(block),
};

// What a title is about: of "Acme GmbH · INV-0042 · EUR 420.00" who and which, for the amount changes when it is paid.
// What stands below, up to the next rule or title, belongs to it.
function subject(object, names) {
  const [line] = object.text.split("\n");
  const read = el("span", {}, text({ ...object, text: line }, names)).textContent;
  return read.split(" · ").slice(0, 2).join(" · ").trim().slice(0, 90) || undefined;
}

export function render(blocks, stage) {
  let about;
  return blocks.map((block) => {
    const isTitle = block.type === "section" && block.text?.text.startsWith("*");
    if (isTitle) about = subject(block.text, stage.names);
    if (block.type === "divider" || block.type === "header") about = undefined;
    return BLOCKS[block.type]?.(block, { ...stage, about, isTitle }) ?? el("div", { class: "block quiet" }, `[${block.type}]`);
  });
}

// The path alone: the page may have been opened under another name of this machine.
function file(one, stage) {
  const where = `${new URL(one.url_private).pathname}?user=${encodeURIComponent(stage.me)}`;
  const size = one.size < 1e6 ? `${Math.ceil(one.size / 1e3)} KB` : `${(one.size / 1e6).toFixed(1)} MB`;
  const kind = one.filetype.toUpperCase();
  return el("a", { class: "block file", href: where, download: one.name, "data-key": `file-${one.id}` },
    el("span", { class: "kind", "aria-hidden": "true" }, kind.slice(0, 4)),
    el("span", {}, el("strong", {}, one.title || one.name), el("span", { class: "quiet" }, `${kind}, ${size}. Press to save it.`)));
}

export function body(message, stage) {
  const parts = message.blocks.length
    ? render(message.blocks, stage)
    : [el("div", { class: "block" }, mrkdwn(message.text, stage.names))];
  const attached = message.attachments.map((one) =>
    el("div", { class: "attachment" }, one.text && el("div", {}, mrkdwn(one.text, stage.names)), render(one.blocks ?? [], stage)));
  return [...parts, ...attached, ...message.files.map((one) => file(one, stage))];
}
