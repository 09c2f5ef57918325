// "Why this is safe": for one invoice, what reached the provider and what was written down, with the provider's own books.

import { el, money, moment } from "/page/dom.js";

const FAULTS = { hang: "the answer never came", reset: "the connection was cut", truncate: "half of the answer was lost" };
const short = (key) => (key.length > 22 ? `${key.slice(0, 15)}…${key.slice(-4)}` : key);
const provider = (name) => name[0].toUpperCase() + name.slice(1);

function verdict(charges) {
  const paid = charges.filter((one) => one.result === "paid");
  if (paid.length === 1) return ["good", `Charged once: ${money(paid[0].amount, paid[0].currency)}`];
  if (paid.length > 1) return ["bad", `Charged ${paid.length} times: ${paid.map((one) => money(one.amount, one.currency)).join(", ")}`];
  const last = charges.at(-1);
  if (!last) return ["none", "Nothing was charged."];
  if (last.result === "processing") return ["none", `Under way, not collected yet: ${money(last.amount, last.currency)}`];
  return ["none", `${charges.length === 1 ? "Tried once" : `Tried ${charges.length} times`}, nothing was charged.`];
}

function request(one) {
  const notes = [one.key && ["key ", el("code", { title: one.key }, short(one.key))], one.replayed && "replay of the first answer", one.fault && FAULTS[one.fault]];
  return el("li", { class: one.method === "GET" ? "read" : "write" },
    el("div", { class: "exchange" },
      el("span", { class: "verb" }, one.method), el("code", { class: "path" }, one.path),
      el("span", { class: `status ${one.fault ? "lost" : one.status < 300 ? "ok" : "bad"}` }, one.fault ? "lost" : String(one.status))),
    el("small", {}, moment(one.at), notes.filter(Boolean).flatMap((note) => [" · ", note].flat())));
}

function step(one) {
  return el("li", { class: `step by-${one.kind}` },
    el("div", {}, el("strong", {}, one.what), one.key && [" ", el("code", { title: one.key }, short(one.key))].flat()),
    el("small", {}, moment(one.at), one.why && ` · ${one.why}`));
}

function chooser(evidence, choose) {
  const named = (one) => [one.number ?? one.name, one.customer].filter(Boolean).join(" · ");
  const select = el("select", { id: "about", "data-key": "about" },
    evidence.subjects.map((one) => el("option", { value: one.name, selected: one.name === evidence.about }, named(one))));
  select.addEventListener("change", () => choose(select.value));
  return el("div", { class: "about" }, el("label", { for: "about" }, "Invoice"), select);
}

export function safety(evidence, choose) {
  if (!evidence?.about) {
    return [el("div", { class: "empty" },
      el("p", {}, "Press a button on an invoice."),
      el("p", { class: "quiet" }, "Here you then see every request that reached the provider, and every line that Recoup wrote down, as it happens."))];
  }
  const name = provider(evidence.about.split(":")[0]);
  const [mood, words] = verdict(evidence.charges);
  const sends = evidence.requests.filter((one) => one.method !== "GET").length;
  const reads = evidence.requests.length - sends;
  return [
    chooser(evidence, choose),
    el("div", { class: `verdict ${mood}`, role: "status", id: "verdict" }, el("strong", {}, words), el("small", {}, `From ${name}'s own books, since the first press.`)),
    el("h2", { id: "sent-title" }, `Sent to ${name}`),
    el("p", { class: "quiet" }, `${sends} ${sends === 1 ? "request that acts" : "requests that act"}, ${reads} that only ${reads === 1 ? "reads" : "read"}`),
    el("ol", { class: "exchanges", "aria-labelledby": "sent-title" }, evidence.requests.map(request)),
    el("h2", { id: "journal-title" }, "Journal"),
    evidence.decisions.length ? el("p", { class: "quiet" }, evidence.decisions.map((one) => `${one.label}: ${one.state.replaceAll("_", " ")} (reference ${one.reference})`).join(" · ")) : null,
    el("ol", { class: "steps", "aria-labelledby": "journal-title" }, evidence.steps.map(step)),
  ].filter(Boolean);
}
