// What can be made to go wrong, each with what to expect of Recoup then.

import { el } from "/page/dom.js";
import { chooser, chosenOf, wordsOf } from "/page/providers.js";

const SLACK = [
  ["web_api_down", "Slack is down", "Presses still count. What is to be said waits and is told later, once.", true, false],
  ["ratelimited", "Slack turns away the next 3 calls", "Recoup waits as long as Slack asks it to, then goes on.", 3, 0],
  ["drop_reply", "The next message arrives, its answer is lost", "The message may come twice. Whatever it is about happens once.", 1, 0],
  ["lose_acks", "Recoup's next acknowledgement is lost", "Slack shows a warning; the decision is on record and is carried out once.", 1, 0],
  ["delay", "Every call to Slack takes 2 seconds", "Rows change later. Nothing is lost.", 2, 0],
  ["uploads_failing", "Files cannot be uploaded", "Whoever asked for a file is told so, and what to do instead.", true, false],
  ["usergroups_failing", "Groups cannot be read", "Recoup goes on with what it read last; without any, it refuses.", true, false],
];
// What to expect then is told by each provider's own words; what they do not mention is not offered there.
const AFTER = [
  ["hang", "then never answers"], ["reset", "then the connection is cut"], ["500", "then answers with a server error"],
  ["429", "then says “too many requests”"], ["html", "then answers with a web page"], ["truncated", "then half the answer is lost"],
  ["empty", "then answers with nothing"],
];
const EVERY = [
  ["hang", "Never answers"], ["reset", "Cuts every connection"], ["500", "Answers every request with a server error"],
  ["429", "Turns every request away"], ["html", "Answers with a web page"], ["truncated", "Sends half of every answer"],
  ["empty", "Answers with nothing"],
];
// Switches that only some providers have: control, label, what to expect, whether it is disturbed, arguments for on and off.
const OWN = [
  ["keyed", "Forgets idempotency keys", "Recoup does not lean on keys alone: it looks before it sends again.",
    (switches) => switches.keyed === false, (on) => ({ on: !on })],
  ["rate_limit", "Takes only 2 requests a second", "Recoup paces itself; presses take a little longer.",
    (switches) => (switches.per_second ?? null) !== null, (on) => (on ? { per_second: 2, retry_after: 1 } : {})],
  ["premium", "Has no premium licence", "No e-mails and no part payments: Recoup says why, and names the payment link as the way out.",
    (switches) => switches.premium === false, (on) => ({ on: !on })],
  ["email_settings", "Invoice e-mails are turned off", "“Resend invoice” says so, and names the payment link as the way out.",
    (switches) => switches.email_settings === false, (on) => ({ on: !on })],
  ["old_server", "Is a server of some years ago", "Recoup reads more, shows less, and says what it cannot know there.",
    (switches) => switches.old_server === true, (on) => ({ on })],
];

function toggle(key, label, expect, checked, change) {
  const box = el("input", { type: "checkbox", role: "switch", checked, "data-key": key, id: `switch-${key}`, "aria-describedby": `expect-${key}` });
  box.addEventListener("change", () => change(box.checked));
  return el("li", { class: "switch" }, box,
    el("div", {}, el("label", { for: box.id }, label), el("small", { id: `expect-${key}` }, expect)));
}

const group = (title, items) => el("section", { class: "group" }, el("h3", {}, title), el("ul", { class: "switches" }, items));

const isSpent = ({ faults_left: left }) => left === 0;

function isDisturbed({ reachable, switches = {} }) {
  const faulty = !isSpent(switches) && (switches.after_effect || switches.everything);
  return Boolean(reachable === false || faulty || OWN.some(([, , , isOn]) => isOn(switches)));
}

function provider(slug, shown, world) {
  const words = wordsOf(slug);
  const knows = (control) => !shown.controls || shown.controls.includes(control);
  const { switches = {} } = shown;
  const offered = (control, entries, expected, times, before = "") => entries.filter(([what]) => expected[what]).map(([what, label]) =>
    toggle(`${slug}-${control}-${what}`, `${before}${label}`, expected[what], !isSpent(switches) && switches[control] === what,
      (on) => world(slug, control, { what: on ? what : null, times: on ? times : null })));
  const manners = [
    toggle(`${slug}-reach`, `${words.name} cannot be reached`, "Recoup says so at once and sends nothing.", shown.reachable === false,
      (on) => world(slug, on ? "unreachable" : "reachable")),
    ...OWN.filter(([control]) => knows(control)).map(([control, label, expect, isOn, args]) =>
      toggle(`${slug}-${control}`, label, expect, isOn(switches), (on) => world(slug, control, args(on)))),
  ];
  return [
    knows("after_effect") && group(`${words.name}: the next request that acts…`, offered("after_effect", AFTER, words.after, 1, `${words.acts}, `)),
    group(`${words.name}: as a whole`, manners),
    knows("everything") && group(`${words.name}: every request…`, offered("everything", EVERY, words.every, null)),
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
    const calm = [["everything", { what: null }], ["after_effect", { what: null }], ...OWN.map(([name, , , , args]) => [name, args(false)])];
    for (const [name, args] of calm) if (shown.controls?.includes(name)) await deeds.world(slug, name, args);
  }
}

export function faults(state, place, deeds) {
  const world = state.world ?? {};
  const slug = chosenOf(world);
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
    ...(slug ? [el("h2", {}, "Provider"), chooser(world, "faults", deeds.again, (one) => isDisturbed(world[one])), ...provider(slug, world[slug], deeds.world)] : []),
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
