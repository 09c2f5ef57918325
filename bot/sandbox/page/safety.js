// "Why this is safe": for one invoice, what reached the provider and what was written down, with the provider's own books.

import { el, moment } from "/page/dom.js";
import { wordsOf } from "/page/providers.js";

const FAULTS = { hang: "the answer never came", reset: "the connection was cut", truncate: "half of the answer was lost" };
const short = (key) => (key.length > 22 ? `${key.slice(0, 15)}…${key.slice(-4)}` : key);
const slugOf = (name) => name.split(":")[0];

function request(one) {
  const notes = [one.key && ["key ", el("code", { title: one.key }, short(one.key))], one.replayed && "replay of the first answer", one.fault && FAULTS[one.fault]];
  return el("li", { class: one.reads ? "read" : "write" },
    el("div", { class: "exchange" },
      el("span", { class: "verb" }, one.method), el("code", { class: "path" }, one.path),
      el("span", { class: `status ${one.fault ? "lost" : one.status < 300 ? "ok" : "bad"}` }, one.fault ? "lost" : String(one.status))),
    el("small", {}, moment(one.at), notes.filter(Boolean).flatMap((note) => [" · ", note].flat())));
}

function step(one, takesKeys) {
  return el("li", { class: `step by-${one.kind}` },
    el("div", {}, el("strong", {}, one.what), takesKeys && one.key && [" ", el("code", { title: one.key }, short(one.key))].flat()),
    el("small", {}, moment(one.at), one.why && ` · ${one.why}`));
}

function chooser(evidence, choose) {
  const named = (one) => [wordsOf(slugOf(one.name)).name, one.number ?? one.name.split(":").slice(1).join(":"), one.customer].filter(Boolean).join(" · ");
  const select = el("select", { id: "about", "data-key": "about" },
    evidence.subjects.map((one) => el("option", { value: one.name, selected: one.name === evidence.about }, named(one))));
  select.addEventListener("change", () => { select.dataset.settled = ""; choose(select.value); });
  return el("div", { class: "about" }, el("label", { for: "about" }, "Invoice"), select);
}

export function safety(evidence, choose) {
  if (!evidence?.about) {
    return [el("div", { class: "empty" },
      el("p", {}, "Press a button on an invoice."),
      el("p", { class: "quiet" }, "Here you then see every request that reached the provider, and every line that Recoup wrote down, as it happens."))];
  }
  const { name, safe, takesKeys, verdict } = wordsOf(slugOf(evidence.about));
  const [mood, words, more] = verdict(evidence.charges, evidence.decisions);
  const sends = evidence.requests.filter((one) => !one.reads).length;
  const reads = evidence.requests.length - sends;
  return [
    chooser(evidence, choose),
    el("div", { class: `verdict ${mood}`, role: "status", id: "verdict" }, el("strong", {}, words), el("small", {}, `${more ? `${more} ` : ""}From ${name}'s own books, since the first press.`)),
    el("h2", { id: "sent-title" }, `Sent to ${name}`),
    el("p", { class: "quiet" }, `${sends} ${sends === 1 ? "request that acts" : "requests that act"}, ${reads} that only ${reads === 1 ? "reads" : "read"}`),
    safe && el("p", { class: "safe" }, safe),
    el("ol", { class: "exchanges", "aria-labelledby": "sent-title" }, evidence.requests.map(request)),
    el("h2", { id: "journal-title" }, "Journal"),
    evidence.decisions.length ? el("p", { class: "quiet" }, evidence.decisions.map((one) => `${one.label}: ${one.state.replaceAll("_", " ")} (reference ${one.reference})`).join(" · ")) : null,
    el("ol", { class: "steps", "aria-labelledby": "journal-title" }, evidence.steps.map((one) => step(one, takesKeys))),
  ].filter(Boolean);
}
