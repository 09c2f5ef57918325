// The page: hears of every change, and draws what the chosen person sees.

import { body, render } from "/page/blocks.js";
import { byId, clock, el, post } from "/page/dom.js";
import { guardDialogs, placeOf, returnTo } from "/page/focus.js";
import { showModal } from "/page/modal.js";
import { drawPanel, startPanel } from "/page/panel.js";
import { drawPeople, startPeople } from "/page/people.js";

const PROBLEMS = {
  operation_timeout: "The app did not answer within 3 seconds.",
  dispatch_failed: "The app could not be reached.",
};
const HINTS = ["help", "failed", "digest now", "status"];

const view = { me: localStorage.getItem("me") ?? "", place: localStorage.getItem("place") ?? "", state: null, about: "", evidence: null };
const past = [];
const forgiven = new Map(); // ts of a message → when a later press on it went well
const drawn = new Map(); // ts → {mark, node}: a message is redrawn only when it changed
const before = new Map(); // person → what they saw last, to see what is new
const unread = new Set(); // of each person: `person place`

const home = () => (view.state.home ? [{ id: "home", name: "Home", home: view.state.home, messages: [], bot_is_member: true, direct: true }] : []);
const places = () => [...view.state.channels, ...view.state.directs.map((one) => ({ ...one, direct: true })), ...home()];
const place = () => places().find((one) => one.id === view.place) ?? places()[0];

const names = {
  person: (id) => (id === view.state.bot.id ? view.state.bot.name : view.state.people.find((one) => one.id === id)?.name),
  channel: (id) => view.state.channels.find((one) => one.id === id)?.name,
  group: (id) => view.state.usergroups.find((one) => one.id === id)?.handle,
};

// --- doing

function tell(answer) {
  const line = byId("answer");
  if (answer.error && answer.error !== "not_sent") line.textContent = `⚠ ${PROBLEMS[answer.error] ?? answer.error}`;
  else if (answer.status) line.textContent = `The app answered ${answer.status} in ${answer.ms} ms.`;
}

async function act(route, what) {
  const answer = await post(route, { user: view.me, ...what });
  tell(answer);
  if (route !== "say") view.about = ""; // the last one
  await refresh();
  return answer;
}

function stageOf(message, channel) {
  return {
    me: view.me,
    names,
    people: view.state.people,
    places: view.state.channels,
    press: async (block, element, value) => {
      const where = { channel, ts: message.ts, block_id: block.block_id, action_id: element.action_id, value };
      const answer = await act("press", where);
      if (answer.error) return;
      forgiven.set(message.ts, Date.now() / 1000);
      draw();
    },
    field: (block) => el("div", { class: "block quiet" }, `[input: ${block.label.text}]`),
  };
}

async function send(event) {
  event.preventDefault();
  const box = byId("composer-text");
  const written = box.value.trim();
  if (!written) return;
  box.value = "";
  past.push(written);
  if (written.startsWith("/")) {
    const [, command, text] = written.match(/^(\S+)\s*([\s\S]*)$/);
    await act("command", { channel: place().id, command, text });
  } else {
    await act("say", { channel: place().id, text: written });
  }
  byId("stream").scrollTop = byId("stream").scrollHeight; // whoever asks wants to see the answer
}

// --- drawing

function troubleOf(message) {
  const all = view.state.troubles.filter((one) => one.ts === message.ts && one.at > (forgiven.get(message.ts) ?? 0));
  return all.at(-1);
}

function messageNode(message, channel, replies) {
  const trouble = troubleOf(message);
  const head = el("div", { class: "message-head" },
    el("strong", {}, message.author.name),
    message.author.bot && el("span", { class: "badge" }, "app"),
    el("time", { class: "quiet" }, clock(Number(message.ts))),
    message.edited && el("span", { class: "quiet" }, "(edited)"));
  return el("article", {
    class: `message ${message.ephemeral ? "ephemeral" : ""}`, "data-ts": message.ts, tabindex: "-1",
    "aria-label": `${message.author.name}, ${clock(Number(message.ts))}${message.ephemeral ? ", only visible to you" : ""}`,
  },
    el("span", { class: `avatar ${message.author.bot ? "bot" : ""}`, "aria-hidden": "true" }, message.author.bot ? "R" : message.author.name[0]),
    el("div", { class: "message-body" },
      message.ephemeral && el("p", { class: "only-you" }, "Only visible to you"),
      head,
      el("div", { class: "blocks" }, body(message, stageOf(message, channel))),
      trouble && el("p", { class: "trouble", role: "alert" }, `⚠ ${trouble.text}`),
      replies.length > 0 && el("div", { class: "thread" },
        el("p", { class: "quiet" }, `${replies.length} ${replies.length === 1 ? "reply" : "replies"}`), replies)));
}

function kept(key, mark, make) {
  const old = drawn.get(key);
  if (old?.mark === mark) return old.node;
  const node = make();
  drawn.set(key, { mark, node });
  return node;
}

function single(message, channel, repliesOf) {
  const replies = repliesOf.get(message.ts) ?? [];
  const mark = JSON.stringify([view.me, message, replies, troubleOf(message)]);
  return kept(message.ts, mark, () => messageNode(message, channel, replies.map((one) => messageNode(one, channel, []))));
}

function homeNode(shown) {
  const stage = {
    ...stageOf({ ts: shown.id }, "home"),
    press: (block, element, value) => act("press", { view_id: shown.id, block_id: block.block_id, action_id: element.action_id, value }),
  };
  return el("article", { class: "home blocks" }, render(shown.blocks, stage));
}

function streamNodes(channel) {
  if (channel.home) return [kept("home", JSON.stringify([view.me, channel.home]), () => homeNode(channel.home))];
  const byTs = new Set(channel.messages.map((message) => message.ts));
  const repliesOf = new Map();
  const tops = [];
  for (const message of channel.messages) {
    const parent = message.thread_ts;
    if (parent && byTs.has(parent) && parent !== message.ts) repliesOf.set(parent, [...(repliesOf.get(parent) ?? []), message]);
    else tops.push({ at: Number(message.ts), make: () => single(message, channel.id, repliesOf) });
  }
  const loose = view.state.troubles.filter((one) => one.channel === channel.id && !byTs.has(one.ts ?? ""));
  for (const one of loose) {
    tops.push({ at: one.at, make: () => kept(`trouble-${one.at}`, one.text, () => el("p", { class: "trouble alone" }, `⚠ ${one.text} (only visible to you)`)) });
  }
  return tops.sort((a, b) => a.at - b.at).map((one) => one.make());
}

const newest = (channel) => channel.messages.at(-1);

// New messages are read out, in a line of its own: the whole stream as a live region would be read out at every redraw.
function announce(channel, last) {
  if (!last || last.author.id === view.me) return;
  const privately = last.ephemeral ? " Only visible to you." : "";
  byId("announce").textContent = `${last.author.name}:${privately} ${last.text}`.slice(0, 300);
}

function drawStream() {
  const stream = byId("stream");
  const channel = place();
  const where = `${view.me}/${channel.id}`;
  const moved = stream.dataset.place !== where;
  const atEnd = stream.scrollHeight - stream.scrollTop - stream.clientHeight < 80;
  const last = newest(channel);
  const isNew = !moved && last && last.ts !== stream.dataset.last && Number(last.ts) > Number(stream.dataset.last || 0);
  const held = placeOf(document.activeElement?.closest?.("#stream *"));
  const nodes = streamNodes(channel);
  const empty = el("div", { class: "empty" }, el("p", {}, "Nothing here yet."),
    el("p", { class: "quiet" }, "Try ", el("code", {}, `${view.state.command} help`), " below."));
  const wanted = nodes.length ? nodes : [empty];
  if (wanted.length !== stream.childNodes.length || wanted.some((node, index) => node !== stream.childNodes[index])) {
    const top = stream.scrollTop;
    stream.replaceChildren(...wanted);
    stream.scrollTop = top;
    if (held.node && document.activeElement !== held.node && !document.querySelector("dialog[open]")) returnTo(held);
  }
  if (moved || (isNew && atEnd)) showNewest();
  else if (isNew && !newestIsSeen()) offerNewest(last);
  if (isNew) announce(channel, last);
  stream.dataset.place = where;
  stream.dataset.last = last?.ts ?? "";
}

// A message taller than the window is shown from its first line.
function showNewest() {
  const stream = byId("stream");
  const last = stream.lastElementChild;
  const tall = last && last.offsetHeight > stream.clientHeight;
  stream.scrollTop = tall ? last.offsetTop - stream.offsetTop : stream.scrollHeight;
  byId("below").hidden = true;
}

function newestIsSeen() {
  const stream = byId("stream");
  const last = stream.lastElementChild;
  return !last || last.offsetTop - stream.offsetTop < stream.scrollTop + stream.clientHeight - 48;
}

function offerNewest(last) {
  byId("below").textContent = last.ephemeral ? "↓ New, only visible to you" : "↓ New message";
  byId("below").hidden = false;
}

function drawPlaces() {
  const entry = (one, label) => {
    const current = one.id === place().id;
    const button = el("button", { type: "button", "aria-current": current ? "page" : undefined, "data-key": `place-${one.id}` },
      label, unread.has(`${view.me} ${one.id}`) && !current && el("span", { class: "new" }, "new"));
    button.addEventListener("click", () => { view.place = one.id; localStorage.setItem("place", one.id); unread.delete(`${view.me} ${one.id}`); draw(); });
    return el("li", {}, button);
  };
  const focused = document.activeElement?.dataset?.key;
  byId("channels").replaceChildren(...view.state.channels.map((one) => entry(one, `# ${one.name}`)));
  byId("directs").replaceChildren(
    ...view.state.directs.map((one) => entry(one, view.state.bot.name)), ...home().map((one) => entry(one, `${view.state.bot.name}: Home`)));
  if (focused?.startsWith("place-")) document.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

function drawHead() {
  const channel = place();
  byId("composer").hidden = Boolean(channel.home);
  byId("place-name").textContent = channel.home ? "Home" : channel.direct ? `${view.state.bot.name} (direct messages)` : `# ${channel.name}`;
  const notes = [channel.archived && "archived", !channel.bot_is_member && "the bot is not a member"].filter(Boolean);
  byId("place-note").textContent = notes.join(" · ");
  byId("composer-text").placeholder = `${view.state.command} help, or a message to ${channel.direct ? view.state.bot.name : `#${channel.name}`}`;
}

function drawLink() {
  const alone = view.state.mode === "socket" && view.state.connections === 0;
  byId("link").textContent = alone ? "○ The app is not connected." : view.state.mode === "http" ? "● The app is reached by HTTP." : "● The app is connected by Socket Mode.";
  byId("link").classList.toggle("off", alone);
}

function drawHints() {
  const hints = byId("hints");
  if (hints.childElementCount) return;
  hints.replaceChildren(...HINTS.map((words) => el("button", {
    class: "chip", type: "button",
    onclick: () => { byId("composer-text").value = `${view.state.command} ${words}`; byId("composer-text").focus(); },
  }, `${view.state.command} ${words}`)));
}

function markUnread() {
  for (const one of places()) {
    const last = one.messages.at(-1)?.ts;
    const seen = before.get(view.me);
    if (seen && last && last !== seen[one.id]) unread.add(`${view.me} ${one.id}`);
  }
  unread.delete(`${view.me} ${place().id}`);
  before.set(view.me, Object.fromEntries(places().map((one) => [one.id, one.messages.at(-1)?.ts])));
}

function draw() {
  markUnread();
  drawPeople(view.state.people, view.me);
  drawPlaces();
  drawHead();
  drawHints();
  drawLink();
  drawStream();
  drawPanel(view.state, place(), view.evidence);
  showModal(view.state.view, { me: view.me, names, people: view.state.people, places: view.state.channels, act });
}

// --- hearing

let asked = 0;

async function refresh() {
  const mine = ++asked;
  try {
    let response = await fetch(`/sandbox/state?user=${encodeURIComponent(view.me)}`);
    if (!response.ok) response = await fetch("/sandbox/state");
    const state = await response.json();
    const evidence = await (await fetch(`/sandbox/evidence?about=${encodeURIComponent(view.about)}`)).json();
    if (mine !== asked) return; // a later question is on its way
    view.state = state;
    view.evidence = evidence;
    view.me = state.me;
    draw();
  } catch {
    byId("link").textContent = "○ The sandbox has stopped.";
    byId("link").classList.add("off");
  }
}

function start() {
  byId("composer").addEventListener("submit", send);
  let back = 0;
  byId("composer-text").addEventListener("keydown", (event) => {
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") { back = 0; return; }
    event.preventDefault();
    back = Math.min(past.length, Math.max(0, back + (event.key === "ArrowUp" ? 1 : -1)));
    event.target.value = back ? past.at(-back) : "";
  });
  startPeople((id) => {
    view.me = id;
    localStorage.setItem("me", view.me);
    view.place = place().direct ? view.state.channels[0].id : view.place;
    refresh();
  });
  startPanel((about) => { view.about = about; refresh(); });
  guardDialogs();
  byId("below").addEventListener("click", () => {
    showNewest();
    byId("stream").lastElementChild?.focus({ preventScroll: true });
  });
  byId("stream").addEventListener("scroll", () => {
    if (newestIsSeen()) byId("below").hidden = true;
  });
  const events = new EventSource("/sandbox/events");
  events.onmessage = refresh;
  events.onerror = () => { byId("link").textContent = "○ Waiting for the sandbox…"; byId("link").classList.add("off"); };
  refresh();
}

start();
