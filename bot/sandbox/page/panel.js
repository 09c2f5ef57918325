// The panel beside the conversation: three sheets behind tabs, each redrawn only when what it shows has changed.

import { books } from "/page/books.js";
import { byId, el, post } from "/page/dom.js";
import { faults } from "/page/faults.js";
import { chosenOf } from "/page/providers.js";
import { safety } from "/page/safety.js";

const SHEETS = ["safety", "faults", "books"];
const drawn = {};
let choose = () => {};
let command = "";
let last = null; // what was drawn from

async function doing(work) {
  const answer = await work;
  byId("panel-said").textContent = answer.error ? `⚠ ${answer.error}` : "Done.";
  return answer;
}

// Puts a command into the box; on a phone the conversation comes to the front for it.
function write(words) {
  if (document.body.classList.contains("panel-open")) byId("panel-toggle").click();
  byId("composer-text").value = `${command} ${words}`;
  byId("composer-text").focus();
}

async function add(slug, wish) {
  const answer = await deeds.world(slug, "add_invoice", wish);
  if (answer.error) return;
  const words = `show ${slug}:${answer.result.invoice}`;
  byId("panel-said").replaceChildren("Added. Ask for it: ",
    el("button", { class: "chip", type: "button", onclick: () => write(words) }, `${command} ${words}`));
}

const deeds = {
  add,
  write,
  again: () => drawPanel(...last),
  fault: (body) => doing(post("fault", body)),
  world: (slug, name, args = {}) => doing(post("world", { name, args: { provider: slug, ...args } })),
};

function show(name) {
  for (const one of SHEETS) {
    byId(one).hidden = one !== name;
    byId(`tab-${one}`).setAttribute("aria-selected", String(one === name));
    byId(`tab-${one}`).tabIndex = one === name ? 0 : -1;
  }
  byId("panel-said").textContent = "";
}

export function startPanel(chosen) {
  choose = chosen;
  for (const name of SHEETS) byId(`tab-${name}`).addEventListener("click", () => show(name));
  byId("tabs").addEventListener("keydown", (event) => {
    const at = SHEETS.findIndex((one) => `tab-${one}` === document.activeElement.id);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: SHEETS.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const name = SHEETS[(next + SHEETS.length) % SHEETS.length];
    show(name);
    byId(`tab-${name}`).focus();
  });
  byId("panel-toggle").addEventListener("click", () => {
    const open = document.body.classList.toggle("panel-open");
    byId("panel-toggle").setAttribute("aria-expanded", String(open));
    byId("panel-toggle").textContent = open ? "Back to the conversation" : "Why this is safe";
  });
}

function redraw(name, facts, make) {
  const sheet = byId(name);
  const mark = JSON.stringify(facts);
  if (mark === drawn[name] || sheet.querySelector("select:focus:not([data-settled])")) return; // an open menu would close under the hand
  drawn[name] = mark;
  const focused = document.activeElement?.closest?.(`#${name} [data-key]`)?.dataset.key;
  const top = sheet.scrollTop;
  sheet.replaceChildren(...make(sheet));
  sheet.scrollTop = top;
  if (focused) sheet.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

export function drawPanel(state, place, evidence) {
  last = [state, place, evidence];
  command = state.command;
  const slug = chosenOf(state.world ?? {});
  const switches = Object.entries(state.world ?? {}).map(([slug, one]) => [slug, one.reachable, one.switches]);
  const here = [place?.id, place?.archived, place?.bot_is_member, place?.messages.at(-1)?.ts];
  redraw("safety", evidence, () => safety(evidence, choose));
  redraw("faults", [slug, switches, state.faults, state.mode, here], () => faults(state, place, deeds));
  redraw("books", [slug, state.world, state.calls], (sheet) => books(state, deeds, sheet));
}
