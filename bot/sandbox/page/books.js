// Magic customers to add, and what the provider and Slack have seen of Recoup so far.

import { clock, el, money } from "/page/dom.js";

const DEEDS = [
  ["pay_elsewhere", "Customer pays on the hosted page"], ["void_elsewhere", "A colleague voids it"],
  ["automatic_attempt", "Provider's own retry runs"], ["settle_processing", "Bank debit settles"], ["change_card", "Customer stores a new card"],
];

function group(key, title, open, was, ...children) {
  return el("details", { open: was(key) ?? open, "data-group": key }, el("summary", {}, title), children);
}

function magic(slug, one, world) {
  const add = () => world(slug, "add_invoice", { magic: one.name, name: `New ${one.name.replaceAll("_", " ")}`, status: "open", attempts: 1 });
  const button = el("button", {
    class: "btn small", type: "button", onclick: add, "data-key": `add-${slug}-${one.name}`, "aria-label": `Add an invoice of ${one.name}`,
  }, "Add");
  return el("li", {}, el("div", {}, el("code", {}, one.name), el("small", {}, one.what)), button);
}

function invoice(slug, one, world) {
  const menu = el("select", { "aria-label": `Happens to ${one.number ?? one.id}`, "data-key": `deed-${one.id}` },
    el("option", { value: "" }, "…"), DEEDS.map(([name, label]) => el("option", { value: name }, label)));
  menu.addEventListener("change", () => { if (menu.value) world(slug, menu.value, { invoice: one.id }); menu.value = ""; });
  return el("tr", {}, el("th", { scope: "row" }, one.number ?? one.id, el("small", {}, [one.customer, one.magic].filter(Boolean).join(" · "))),
    el("td", { class: "num" }, money(one.amount_remaining, one.currency), el("small", {}, one.status)), el("td", {}, menu));
}

function charge(one) {
  return el("li", {}, el("span", { class: `dot ${one.result}`, "aria-hidden": "true" }), el("span", {},
    `${one.result[0].toUpperCase()}${one.result.slice(1).replaceAll("_", " ")}${one.decline ? ` (${one.decline.replaceAll("_", " ")})` : ""}: ${money(one.amount, one.currency)}`,
    el("small", {}, `${clock(one.at)} · ${one.invoice} · ${one.key ? `key ${one.key}` : "not asked for by Recoup"}`)));
}

const list = (items, empty) => (items.length ? el("ul", { class: "rows" }, items) : el("p", { class: "quiet" }, empty));

function provider(slug, snapshot, world, was) {
  const name = slug[0].toUpperCase() + slug.slice(1);
  return [
    snapshot.magic && group(`magic-${slug}`, `Magic customers at ${name}`, true, was,
      el("p", { class: "quiet" }, "The customer's card decides how a retry ends. Add an invoice of one, then ask for it: /invoice failed."),
      el("ul", { class: "rows magic" }, snapshot.magic.map((one) => magic(slug, one, world)))),
    snapshot.ledger && group(`charges-${slug}`, `Everything ${name} charged`, false, was,
      list(snapshot.ledger.slice(-12).reverse().map(charge), "No attempt has reached the bank yet.")),
    snapshot.invoices && group(`invoices-${slug}`, `Invoices at ${name}`, false, was,
      el("table", { class: "invoices" }, el("tbody", {}, snapshot.invoices.map((one) => invoice(slug, one, world))))),
  ].filter(Boolean);
}

function calls(state, was) {
  const rows = Object.entries(state.calls).sort().map(([method, count]) =>
    el("tr", {}, el("th", { scope: "row" }, el("code", {}, method)), el("td", { class: "num" }, String(count))));
  return group("calls", "Calls to Slack", false, was, rows.length ? el("table", {}, el("tbody", {}, rows)) : el("p", { class: "quiet" }, "None yet."));
}

export function books(state, deeds, sheet) {
  const was = (key) => sheet.querySelector(`details[data-group="${CSS.escape(key)}"]`)?.open;
  return [...Object.entries(state.world ?? {}).flatMap(([slug, snapshot]) => provider(slug, snapshot, deeds.world, was)), calls(state, was)];
}
