// The sandbox's own controls: magic customers, what reached the provider, and what goes wrong.

import { byId, clock, el, money, post } from "/page/dom.js";

const SWITCHES = [
  ["web_api_down", "Slack's Web API is down (503)", true, false],
  ["usergroups_failing", "User groups cannot be read", true, false],
  ["ratelimited", "The next 3 calls are rate limited (429)", 3, 0],
  ["drop_reply", "The next message arrives, but its answer is lost", 1, 0],
  ["lose_acks", "The app's next acknowledgement is lost", 1, 0],
  ["delay", "Every call takes 2 seconds", 2, 0],
];
const DISTURBANCES = [
  ["", "answers as it should"], ["hang", "never answers"], ["reset", "cuts the connection"], ["500", "answers 500"],
  ["429", "answers 429"], ["html", "answers a web page"], ["truncated", "sends half an answer"], ["empty", "sends nothing"],
];
const DEEDS = [
  ["pay_elsewhere", "Customer pays on the hosted page"], ["void_elsewhere", "A colleague voids it"],
  ["automatic_attempt", "Provider's own retry runs"], ["settle_processing", "Bank debit settles"], ["change_card", "Customer stores a new card"],
];

let drawn = "";
let said = "";

async function doing(work) {
  const answer = await work;
  said = answer.error ? `⚠ ${answer.error}` : "Done.";
  const status = byId("panel-said");
  if (status) status.textContent = said;
}

const fault = (body) => doing(post("fault", body));
const world = (slug, name, args = {}) => doing(post("world", { name, args: { provider: slug, ...args } }));

function toggle(label, checked, change, key) {
  const box = el("input", { type: "checkbox", checked, "data-key": key });
  box.addEventListener("change", () => change(box.checked));
  return el("label", { class: "switch" }, box, el("span", {}, label));
}

function group(title, open, ...children) {
  const key = `group-${title}`;
  const before = byId("panel").querySelector(`details[data-key="${CSS.escape(key)}"]`);
  return el("details", { open: before ? before.open : open, "data-key": key }, el("summary", {}, title), children);
}

function deed(label, act, key) {
  return el("button", { class: "btn small", type: "button", onclick: act, "data-key": key }, label);
}

function magic(slug, one) {
  const add = () => world(slug, "add_invoice", { magic: one.name, name: `New ${one.name.replaceAll("_", " ")}`, status: "open", attempts: 1 });
  const button = deed("Add", add, `add-${slug}-${one.name}`);
  button.setAttribute("aria-label", `Add an invoice of ${one.name}`);
  return el("li", {}, el("div", {}, el("code", {}, one.name), el("small", {}, one.what)), button);
}

function invoice(slug, one) {
  const menu = el("select", { "aria-label": `Happens to ${one.number}`, "data-key": `deed-${one.id}` },
    el("option", { value: "" }, "…"), DEEDS.map(([name, label]) => el("option", { value: name }, label)));
  menu.addEventListener("change", () => { if (menu.value) world(slug, menu.value, { invoice: one.id }); menu.value = ""; });
  return el("tr", {}, el("th", { scope: "row" }, one.number ?? one.id, el("small", {}, one.customer, one.magic && ` · ${one.magic}`)),
    el("td", { class: "num" }, money(one.amount_remaining, one.currency), el("small", {}, one.status)), el("td", {}, menu));
}

function charge(one) {
  return el("li", {}, el("span", { class: `dot ${one.result}`, "aria-hidden": "true" }), el("span", {},
    `${clock(one.at)} ${one.invoice}: ${one.result}${one.decline ? ` (${one.decline})` : ""}, ${money(one.amount, one.currency)}`,
    el("small", {}, one.key ? `idempotency key ${one.key}` : "not asked for by Recoup")));
}

function request(one) {
  return el("li", {}, el("span", {}, el("code", {}, `${one.method} ${one.path}`), el("small", {},
    `${clock(one.at)} · answered ${one.status}${one.key ? ` · key ${one.key}` : ""}`)));
}

const list = (items, empty) => (items.length ? el("ul", { class: "rows" }, items) : el("p", { class: "quiet" }, empty));

function provider(slug, snapshot) {
  const name = slug[0].toUpperCase() + slug.slice(1);
  const { switches = {} } = snapshot;
  const disturb = el("select", { id: `disturb-${slug}`, "data-key": `disturb-${slug}` },
    DISTURBANCES.map(([value, label]) => el("option", { value, selected: value === (switches.everything ?? "") }, label)));
  disturb.addEventListener("change", () => world(slug, "everything", { what: disturb.value || null }));
  const after = el("select", { id: `after-${slug}`, "data-key": `after-${slug}` },
    DISTURBANCES.map(([value, label]) => el("option", { value, selected: value === (switches.after_effect ?? "") }, label)));
  after.addEventListener("change", () => world(slug, "after_effect", { what: after.value || null, times: after.value ? 1 : null }));
  return [
    snapshot.ledger && group(`Charges at ${name}`, true,
      list(snapshot.ledger.slice(-12).reverse().map(charge), "No attempt has reached the bank yet.")),
    snapshot.magic && group(`Magic customers at ${name}`, true,
      el("p", { class: "quiet" }, "A customer's card decides how a retry ends. Add an invoice of one, then ask for it."),
      el("ul", { class: "rows magic" }, snapshot.magic.map((one) => magic(slug, one)))),
    snapshot.requests && group(`Requests to ${name}`, false, list(snapshot.requests.slice(-15).reverse().map(request), "None yet.")),
    snapshot.invoices && group(`Invoices at ${name}`, false,
      el("table", { class: "invoices" }, el("tbody", {}, snapshot.invoices.map((one) => invoice(slug, one))))),
    group(`Break ${name}`, false,
      toggle(`${name} cannot be reached`, snapshot.reachable === false, (on) => world(slug, on ? "unreachable" : "reachable"), `reach-${slug}`),
      snapshot.switches && [
        el("label", { for: disturb.id }, "Every request"), disturb,
        el("label", { for: after.id }, "The next request that has an effect"), after,
      ]),
  ];
}

function slackFaults(state, place) {
  const set = (name, on, off) => (checked) => fault({ [name]: checked ? on : off });
  const newest = place?.messages.filter((message) => !message.ephemeral).at(-1);
  return group("Break Slack", false,
    SWITCHES.map(([name, label, on, off]) => toggle(label, Boolean(state.faults[name]), set(name, on, off), `fault-${name}`)),
    place && place.direct === undefined && [
      toggle(`#${place.name} is archived`, place.archived, (on) => fault({ action: on ? "archive" : "unarchive", channel: place.id }), "fault-archive"),
      toggle(`The bot is not in #${place.name}`, !place.bot_is_member, (on) => fault({ action: on ? "remove_bot" : "invite_bot", channel: place.id }), "fault-member"),
    ],
    el("div", { class: "deeds" },
      deed("Deliver the last press again", () => fault({ action: "redeliver" }), "redeliver"),
      newest && deed("Delete the newest message", () => fault({ action: "delete_message", channel: place.id, ts: newest.ts }), "delete"),
      state.mode === "socket" && deed("Refresh the socket", () => fault({ action: "disconnect" }), "disconnect"),
      deed("Everything works again", () => fault({ action: "clear" }), "clear")));
}

function calls(state) {
  const rows = Object.entries(state.calls).sort().map(([method, count]) =>
    el("tr", {}, el("th", { scope: "row" }, el("code", {}, method)), el("td", { class: "num" }, String(count))));
  return group("Calls to Slack's Web API", false, rows.length ? el("table", {}, el("tbody", {}, rows)) : el("p", { class: "quiet" }, "None yet."));
}

export function drawPanel(state, place) {
  const parts = [state.world, state.faults, state.calls, state.mode, place?.id, place?.archived, place?.bot_is_member, place?.messages.at(-1)?.ts];
  const mark = JSON.stringify(parts);
  const panel = byId("panel");
  if (mark === drawn || panel.querySelector("select:focus")) return; // an open menu would close under the hand
  drawn = mark;
  const focused = document.activeElement?.closest?.("#panel [data-key]")?.dataset.key;
  const top = panel.scrollTop;
  panel.replaceChildren(
    el("p", { id: "panel-said", class: "quiet", role: "status" }, said),
    ...Object.entries(state.world ?? {}).flatMap(([slug, snapshot]) => provider(slug, snapshot)).flat().filter(Boolean),
    slackFaults(state, place),
    calls(state),
  );
  panel.scrollTop = top;
  if (focused) panel.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}
