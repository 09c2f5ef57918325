// Who you are: those with a role side by side, everybody else in a list.

import { byId, el } from "/page/dom.js";

let change = () => {};

export function startPeople(chosen) {
  change = chosen;
  byId("others").addEventListener("change", (event) => { if (event.target.value) change(event.target.value); });
}

function choice(one) {
  const radio = el("input", { type: "radio", name: "me", value: one.id, id: `me-${one.id}` });
  radio.addEventListener("change", () => change(one.id));
  return el("label", { class: "person" }, radio, el("span", {}, one.name, el("small", {}, one.title)));
}

export function drawPeople(people, me) {
  const box = byId("people");
  const first = people.filter((one) => one.may);
  const mark = people.map((one) => one.id).join();
  if (box.dataset.mark !== mark) {
    box.dataset.mark = mark;
    box.replaceChildren(...first.map(choice));
    byId("others").replaceChildren(el("option", { value: "" }, "Somebody else…"),
      ...people.filter((one) => !one.may).map((one) => el("option", { value: one.id }, `${one.name}, ${one.title}`)));
  }
  for (const radio of box.querySelectorAll("input")) radio.checked = radio.value === me;
  byId("others").value = first.some((one) => one.id === me) ? "" : me;
  const current = people.find((one) => one.id === me);
  const words = current ? `${current.name} ${current.may || "has no role here and may do nothing"}.` : "";
  if (byId("may").textContent !== words) byId("may").textContent = words;
}
