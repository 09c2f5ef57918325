// What can be made to go wrong, each with what to expect of Recoup then.

import { el } from "/page/dom.js";

const SLACK = [
  ["web_api_down", "Slack is down", "Presses still count. What is to be said waits and is told later, once.", true, false],
  ["ratelimited", "Slack turns away the next 3 calls", "Recoup waits as long as Slack asks it to, then goes on.", 3, 0],
  ["drop_reply", "The next message arrives, its answer is lost", "The message may come twice. Whatever it is about happens once.", 1, 0],
  ["lose_acks", "Recoup's next acknowledgement is lost", "Slack shows a warning; the decision is on record and is carried out once.", 1, 0],
  ["delay", "Every call to Slack takes 2 seconds", "Rows change later. Nothing is lost.", 2, 0],
  ["uploads_failing", "Files cannot be uploaded", "Whoever asked for a file is told so, and what to do instead.", true, false],
  ["usergroups_failing", "Groups cannot be read", "Recoup goes on with what it read last; without any, it refuses.", true, false],
];
const AFTER = [
  ["hang", "Charges, then never answers", "Recoup gives up waiting, says that it may have happened, checks by itself and never charges twice."],
  ["reset", "Charges, then the connection is cut", "Recoup checks by itself what happened, and never charges twice."],
  ["500", "Charges, then answers with a server error", "An error is no proof: Recoup checks what really happened."],
  ["429", "Charges, then says “too many requests”", "Recoup asks again under the same key and gets the first answer."],
  ["html", "Charges, then answers with a web page", "What makes no sense counts as no answer: Recoup checks."],
  ["truncated", "Charges, then half the answer is lost", "Half an answer counts as none: Recoup checks."],
  ["empty", "Charges, then answers with nothing", "Recoup checks what really happened."],
];
const EVERY = [
  ["hang", "Never answers", "Retries end as “may have happened” until the provider can be asked."],
  ["reset", "Cuts every connection", "The same, faster."],
  ["500", "Answers every request with a server error", "Nothing is sent that cannot be checked first."],
  ["429", "Turns every request away", "Recoup waits between its requests."],
  ["html", "Answers with a web page", "Recoup says that it cannot read the answer."],
  ["truncated", "Sends half of every answer", "Recoup says that it cannot read the answer."],
  ["empty", "Answers with nothing", "Recoup says that it cannot read the answer."],
];

function toggle(key, label, expect, checked, change) {
  const box = el("input", { type: "checkbox", role: "switch", checked, "data-key": key, id: `switch-${key}`, "aria-describedby": `expect-${key}` });
  box.addEventListener("change", () => change(box.checked));
  return el("li", { class: "switch" }, box,
    el("div", {}, el("label", { for: box.id }, label), el("small", { id: `expect-${key}` }, expect)));
}

const group = (title, items) => el("section", { class: "group" }, el("h3", {}, title), el("ul", { class: "switches" }, items));

function provider(slug, shown, world) {
  const name = slug[0].toUpperCase() + slug.slice(1);
  const knows = (control) => !shown.controls || shown.controls.includes(control);
  const { switches = {} } = shown;
  const spent = switches.faults_left === 0;
  const one = (control, [what, label, expect], times) => toggle(`${slug}-${control}-${what}`, label, expect, !spent && switches[control] === what,
    (on) => world(slug, control, { what: on ? what : null, times: on ? times : null }));
  const manners = [
    toggle(`${slug}-reach`, `${name} cannot be reached`, "Recoup says so at once and sends nothing.", shown.reachable === false,
      (on) => world(slug, on ? "unreachable" : "reachable")),
    knows("keyed") && toggle(`${slug}-keyed`, "Forgets idempotency keys", "Recoup does not lean on keys alone: it looks before it sends again.",
      switches.keyed === false, (on) => world(slug, "keyed", { on: !on })),
    knows("rate_limit") && toggle(`${slug}-rate`, "Takes only 2 requests a second", "Recoup paces itself; presses take a little longer.",
      (switches.per_second ?? null) !== null, (on) => world(slug, "rate_limit", { per_second: on ? 2 : null, retry_after: on ? 1 : null })),
  ].filter(Boolean);
  return [
    knows("after_effect") && group(`${name}: the next request that acts…`, AFTER.map((entry) => one("after_effect", entry, 1))),
    group(`${name}: as a whole`, manners),
    knows("everything") && group(`${name}: every request…`, EVERY.map((entry) => one("everything", entry, null))),
  ].filter(Boolean);
}

async function resetAll(state, deeds) {
  await deeds.fault({ action: "clear" });
  for (const channel of state.channels) {
    if (channel.archived) await deeds.fault({ action: "unarchive", channel: channel.id });
    if (!channel.bot_is_member) await deeds.fault({ action: "invite_bot", channel: channel.id });
  }
  for (const [slug, shown] of Object.entries(state.world ?? {})) {
    await deeds.world(slug, "reachable");
    const calm = { everything: { what: null }, after_effect: { what: null }, keyed: { on: true }, rate_limit: {} };
    for (const [name, args] of Object.entries(calm)) if (shown.controls?.includes(name)) await deeds.world(slug, name, args);
  }
}

export function faults(state, place, deeds) {
  const set = (name, on, off) => (checked) => deeds.fault({ [name]: checked ? on : off });
  const newest = place?.messages.filter((message) => !message.ephemeral).at(-1);
  const deed = (label, act, key) => el("button", { class: "btn small", type: "button", onclick: act, "data-key": key }, label);
  const here = place && place.direct === undefined && [
    toggle("fault-archive", `#${place.name} is archived`, "Answers come by direct message instead, and the operators hear of it.", place.archived,
      (on) => deeds.fault({ action: on ? "archive" : "unarchive", channel: place.id })),
    toggle("fault-member", `Recoup is not in #${place.name}`, "Answers come another way; nothing that was decided is lost.", !place.bot_is_member,
      (on) => deeds.fault({ action: on ? "remove_bot" : "invite_bot", channel: place.id })),
  ];
  return [
    el("div", { class: "deeds" }, el("button", { class: "btn small", type: "button", "data-key": "reset", onclick: () => resetAll(state, deeds) }, "Everything works again")),
    el("h2", {}, "Provider"),
    ...Object.entries(state.world ?? {}).flatMap(([slug, shown]) => provider(slug, shown, deeds.world)),
    el("h2", {}, "Slack"),
    group("While switched on", [...SLACK.map(([name, label, expect, on, off]) =>
      toggle(`fault-${name}`, label, expect, Boolean(state.faults[name]), set(name, on, off))), ...(here || [])]),
    el("h3", {}, "Right now"),
    el("div", { class: "deeds" }, [
      deed("Deliver the last press again", () => deeds.fault({ action: "redeliver" }), "redeliver"),
      newest && deed("Delete the newest message", () => deeds.fault({ action: "delete_message", channel: place.id, ts: newest.ts }), "delete"),
      state.mode === "socket" && deed("Refresh the socket", () => deeds.fault({ action: "disconnect" }), "disconnect"),
    ].filter(Boolean)),
  ];
}
