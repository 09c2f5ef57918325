// A button that opens a list of choices: the overflow menu, and a select in a message. Arrow keys, Escape, Tab.

import { el } from "/page/dom.js";
import { plain } from "/page/mrkdwn.js";

// `toggle` are the properties of the button, `face` what stands on it; `pick` gets the value and the button.
export function menu({ toggle: props, face, options, label, pick }) {
  const toggle = el("button", { type: "button", "aria-haspopup": "menu", "aria-expanded": "false", ...props }, face);
  const items = options.map((option) => el("button", {
    type: "button", role: "menuitem", tabindex: "-1",
    onclick: () => { close(); toggle.focus(); pick(option.value, toggle); },
  }, plain(option.text.text), option.description && el("small", {}, plain(option.description.text))));
  const list = el("div", { class: "menu", role: "menu", "aria-label": label, hidden: true }, items);
  const outside = (event) => { if (!wrap.contains(event.target)) close(); };
  function close() {
    list.hidden = true;
    toggle.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside);
  }
  function open(which = 0) {
    list.hidden = false;
    list.classList.remove("up", "left");
    toggle.setAttribute("aria-expanded", "true");
    document.addEventListener("pointerdown", outside);
    const shape = list.getBoundingClientRect();
    const floor = toggle.closest(".stream")?.getBoundingClientRect().bottom ?? window.innerHeight;
    list.classList.toggle("up", shape.bottom > floor - 8);
    list.classList.toggle("left", shape.right > window.innerWidth - 8);
    items.at(which).focus();
  }
  toggle.addEventListener("click", () => (list.hidden ? open() : close()));
  const wrap = el("span", { class: "overflow" }, toggle, list);
  wrap.addEventListener("keydown", (event) => {
    const { key } = event;
    if (list.hidden) {
      if (key === "ArrowDown" || key === "ArrowUp") { event.preventDefault(); open(key === "ArrowUp" ? -1 : 0); }
      return;
    }
    const at = items.indexOf(document.activeElement);
    const next = { ArrowDown: (at + 1) % items.length, ArrowUp: (at - 1 + items.length) % items.length, Home: 0, End: items.length - 1 }[key];
    if (next !== undefined) { event.preventDefault(); items[next].focus(); }
    if (key === "Escape") { event.preventDefault(); event.stopPropagation(); close(); toggle.focus(); }
    if (key === "Tab") close();
  });
  return wrap;
}
