// Slack's mrkdwn as DOM nodes: *bold* _italic_ ~struck~ `code` ```block``` > quote <links> <@U> <#C> <!date> :emoji:

import { el } from "/page/dom.js";

const EMOJI = {
  white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌", warning: "⚠️", hourglass: "⌛", hourglass_flowing_sand: "⏳",
  no_entry: "⛔", no_entry_sign: "🚫", lock: "🔒", unlock: "🔓", link: "🔗", moneybag: "💰", credit_card: "💳", email: "📧",
  envelope: "✉️", repeat: "🔁", arrows_counterclockwise: "🔄", bell: "🔔", eyes: "👀", tada: "🎉", question: "❓",
  grey_question: "❔", exclamation: "❗", information_source: "ℹ️", bulb: "💡", memo: "📝", clipboard: "📋", page_facing_up: "📄",
  calendar: "📅", date: "📅", clock3: "🕒", snowflake: "❄️", ice_cube: "🧊", rotating_light: "🚨", red_circle: "🔴",
  large_yellow_circle: "🟡", large_green_circle: "🟢", large_blue_circle: "🔵", white_circle: "⚪", black_circle: "⚫", wave: "👋",
  robot_face: "🤖", bust_in_silhouette: "👤", raised_hand: "✋", thumbsup: "👍", "+1": "👍", thumbsdown: "👎", "-1": "👎",
  money_with_wings: "💸", bar_chart: "📊", chart_with_upwards_trend: "📈", mag: "🔍", stop_sign: "🛑", shield: "🛡️", sparkles: "✨",
  point_right: "👉", arrow_right: "➡️", leftwards_arrow_with_hook: "↩️", test_tube: "🧪", sleeping: "😴", zzz: "💤", receipt: "🧾",
};

// Leftmost match wins; the order of the alternatives decides between matches at the same place.
const TOKEN = new RegExp(
  [
    "```(?<pre>[\\s\\S]+?)```",
    "`(?<code>[^`\\n]+)`",
    "<(?<angle>[^<>\\n]+)>",
    "(?<![\\w*])\\*(?=\\S)(?<bold>[^*\\n]+?)(?<=\\S)\\*(?![\\w*])",
    "(?<![\\w_])_(?=\\S)(?<italic>[^_\\n]+?)(?<=\\S)_(?![\\w_])",
    "(?<![\\w~])~(?=\\S)(?<struck>[^~\\n]+?)(?<=\\S)~(?![\\w~])",
    ":(?<emoji>[a-z0-9_+-]+):",
    "(?<line>\\n)",
  ].join("|"),
  "g",
);

const unescaped = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

export function emoji(name) {
  return EMOJI[name] ? el("span", { role: "img", "aria-label": name.replaceAll("_", " ") }, EMOJI[name]) : `:${name}:`;
}

export function plain(text, withEmoji = true) {
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(/:([a-z0-9_+-]+):/g)) {
    if (!withEmoji || !EMOJI[match[1]]) continue;
    nodes.push(text.slice(at, match.index), emoji(match[1]));
    at = match.index + match[0].length;
  }
  return [...nodes, text.slice(at)];
}

const DATES = {
  date_num: (d) => d.toLocaleDateString("sv"),
  date_slash: (d) => d.toLocaleDateString("en-GB"),
  date_short: (d) => d.toLocaleDateString("en", { month: "short", day: "numeric", year: "numeric" }),
  date: (d) => d.toLocaleDateString("en", { month: "long", day: "numeric", year: "numeric" }),
  date_long: (d) => d.toLocaleDateString("en", { weekday: "long", month: "long", day: "numeric", year: "numeric" }),
  time: (d) => d.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }),
  time_secs: (d) => d.toLocaleTimeString(),
  ago: (d) => `${Math.max(0, Math.round((Date.now() - d) / 60000))} minutes ago`,
};

function near(date) {
  const days = Math.round((new Date(date).setHours(0, 0, 0, 0) - new Date().setHours(0, 0, 0, 0)) / 86400000);
  return { "-1": "yesterday", 0: "today", 1: "tomorrow" }[days];
}

export function dateText(seconds, format, fallback) {
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.valueOf())) return fallback ?? "";
  return format.replace(/\{(\w+)\}/g, (whole, name) => {
    const pretty = name.endsWith("_pretty");
    const base = pretty ? name.slice(0, -"_pretty".length) : name;
    return (pretty && near(date)) || DATES[base]?.(date) || whole;
  });
}

function special(body, label, names) {
  if (body.startsWith("!date^")) {
    const [, seconds, format] = body.split("^");
    return el("time", { title: label ?? "" }, dateText(seconds, unescaped(format ?? "{date}"), label));
  }
  if (body.startsWith("!subteam^")) return el("span", { class: "mention" }, `@${names.group(body.split("^")[1]) ?? label}`);
  return el("span", { class: "mention loud" }, `@${body.slice(1).split("^")[0]}`);
}

export function link(url, children) {
  if (!/^(https?|mailto):/i.test(url)) return el("span", {}, children);
  return el("a", { href: url, target: "_blank", rel: "noopener noreferrer", title: url }, children);
}

function angle(content, names) {
  const cut = content.indexOf("|");
  const body = cut < 0 ? content : content.slice(0, cut);
  const label = cut < 0 ? undefined : unescaped(content.slice(cut + 1));
  if (body.startsWith("@")) return el("span", { class: "mention" }, `@${names.person(body.slice(1)) ?? label ?? body.slice(1)}`);
  if (body.startsWith("#")) return el("span", { class: "mention" }, `#${names.channel(body.slice(1)) ?? label ?? body.slice(1)}`);
  if (body.startsWith("!")) return special(body, label, names);
  const url = unescaped(body);
  return link(url, [label ?? url]);
}

function inline(text, names) {
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(TOKEN)) {
    nodes.push(unescaped(text.slice(at, match.index)));
    at = match.index + match[0].length;
    const { pre, code, angle: inside, bold, italic, struck, emoji: name, line } = match.groups;
    if (pre !== undefined) nodes.push(el("pre", {}, unescaped(pre.replace(/^\n|\n$/g, ""))));
    else if (code !== undefined) nodes.push(el("code", {}, unescaped(code)));
    else if (inside !== undefined) nodes.push(angle(inside, names));
    else if (bold !== undefined) nodes.push(el("strong", {}, inline(bold, names)));
    else if (italic !== undefined) nodes.push(el("em", {}, inline(italic, names)));
    else if (struck !== undefined) nodes.push(el("s", {}, inline(struck, names)));
    else if (name !== undefined) nodes.push(emoji(name));
    else if (line) nodes.push(el("br"));
  }
  return [...nodes, unescaped(text.slice(at))];
}

export function mrkdwn(text, names) {
  const parts = [];
  for (const line of text.split(/\n(?=&gt; ?)|(?<=(?:^|\n)&gt;[^\n]*)\n/)) {
    if (parts.length && !line.startsWith("&gt;") && parts.at(-1).tagName !== "BLOCKQUOTE") parts.push(el("br"));
    if (line.startsWith("&gt;")) parts.push(el("blockquote", {}, inline(line.replace(/^&gt; ?/, ""), names)));
    else parts.push(el("span", {}, inline(line, names)));
  }
  return parts;
}

export function text(object, names) {
  if (!object) return [];
  return object.type === "mrkdwn" ? mrkdwn(object.text, names) : plain(object.text, object.emoji !== false);
}
