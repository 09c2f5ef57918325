// Magic customers to add, and what the providers and Slack have seen of Recoup so far.

import { clock, el, money } from "/page/dom.js";
import { chooser, chosenOf, wordsOf } from "/page/providers.js";

// What a deed needs to know besides the invoice.
const DETAILS = { change_amount: (one) => ({ amount: Math.ceil(one.amount_remaining / 2) }) };

function group(key, title, open, was, ...children) {
  return el("details", { open: was(key) ?? open, "data-group": key }, el("summary", {}, title), children);
}

function magic(slug, one, deeds) {
  const { name } = wordsOf(slug);
  const kind = one.name.replaceAll("_", " ");
  const add = () => deeds.add(slug, { magic: one.name, name: `New ${kind}`, status: "open", attempts: 1 });
  const button = el("button", {
    class: "btn small", type: "button", onclick: add, "data-key": `add-${slug}-${one.name}`, "aria-label": `Add an invoice for ${kind} at ${name}`,
  }, "Add");
  return el("li", {}, el("div", {}, el("code", {}, one.name), el("small", {}, one.what)), button);
}

function invoice(slug, one, deeds, controls) {
  const { deeds: labels } = wordsOf(slug);
  const known = Object.entries(labels).filter(([name]) => !controls || controls.includes(name));
  const shown = one.number ?? one.id;
  const command = `show ${one.number ?? `${slug}:${one.id}`}`;
  const menu = el("select", { "aria-label": `Happens to ${shown}`, "data-key": `deed-${one.id}` },
    el("option", { value: "" }, "…"), known.map(([name, label]) => el("option", { value: name }, label)));
  menu.addEventListener("change", () => { const deed = menu.value; menu.value = ""; menu.dataset.settled = ""; if (deed) deeds.world(slug, deed, { invoice: one.id, ...DETAILS[deed]?.(one) }); });
  return el("tr", {},
    el("th", { scope: "row" },
      el("button", { class: "plain", type: "button", title: `Write: ${command}`, "aria-label": `${shown}: write the command`, "data-key": `ask-${one.id}`, onclick: () => deeds.write(command) }, shown),
      el("small", {}, [one.customer, one.magic].filter(Boolean).join(" · "))),
    el("td", { class: "num" }, money(one.amount_remaining, one.currency), el("small", {}, one.status.replaceAll("_", " "))), el("td", {}, menu));
}

function line(one, hasKeys) {
  const asker = one.key ? `key ${one.key}` : hasKeys ? "not asked for by Recoup" : one.channel?.replaceAll("_", " ");
  return el("li", {}, el("span", { class: `dot ${one.result}`, "aria-hidden": "true" }), el("span", {},
    `${one.result[0].toUpperCase()}${one.result.slice(1).replaceAll("_", " ")}${one.decline ? ` (${one.decline.replaceAll("_", " ")})` : ""}: ${money(one.amount, one.currency)}`,
    el("small", {}, [clock(one.at), one.invoice, asker].filter(Boolean).join(" · "))));
}

const list = (items, empty) => (items.length ? el("ul", { class: "rows" }, items) : el("p", { class: "quiet" }, empty));

function provider(slug, snapshot, deeds, was) {
  const words = wordsOf(slug);
  return [
    snapshot.magic && group(`magic-${slug}`, `Magic customers at ${words.name}`, true, was,
      el("p", { class: "quiet" }, words.magic),
      el("ul", { class: "rows magic" }, snapshot.magic.map((one) => magic(slug, one, deeds)))),
    snapshot.invoices && group(`invoices-${slug}`, `Invoices at ${words.name}`, false, was,
      el("p", { class: "quiet" }, "Press an invoice to have its command written. The menu beside it is what can happen without Recoup."),
      el("table", { class: "invoices" }, el("tbody", {}, snapshot.invoices.map((one) => invoice(slug, one, deeds, snapshot.controls))))),
    snapshot.ledger && group(`charges-${slug}`, words.ledger(words.name), false, was,
      list(snapshot.ledger.slice(-12).reverse().map((one) => line(one, words.takesKeys)), words.noLedger)),
  ].filter(Boolean);
}

function calls(state, was) {
  const rows = Object.entries(state.calls).sort().map(([method, count]) =>
    el("tr", {}, el("th", { scope: "row" }, el("code", {}, method)), el("td", { class: "num" }, String(count))));
  return group("calls", "Calls to Slack", false, was, rows.length ? el("table", {}, el("tbody", {}, rows)) : el("p", { class: "quiet" }, "None yet."));
}

export function books(state, deeds, sheet) {
  const was = (key) => sheet.querySelector(`details[data-group="${CSS.escape(key)}"]`)?.open;
  const world = state.world ?? {};
  const slug = chosenOf(world);
  return [slug && chooser(world, "books", deeds.again), ...(slug ? provider(slug, world[slug], deeds, was) : []), calls(state, was)].filter(Boolean);
}
