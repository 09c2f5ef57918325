// Each provider in its own words: what happens there, what can go wrong, and why acting on its invoices is safe.

import { el, money } from "/page/dom.js";

// What a provider's own books say came of it: a mood, a line, and what else there is to say.
function charged(charges) {
  const paid = charges.filter((one) => one.result === "paid");
  if (paid.length === 1) return ["good", `Charged once: ${money(paid[0].amount, paid[0].currency)}`];
  if (paid.length > 1) return ["bad", `Charged ${paid.length} times: ${paid.map((one) => money(one.amount, one.currency)).join(", ")}`];
  const last = charges.at(-1);
  if (!last) return ["none", "Nothing was charged."];
  if (last.result === "processing") return ["none", `Under way, not collected yet: ${money(last.amount, last.currency)}`];
  return ["none", `${charges.length === 1 ? "Tried once" : `Tried ${charges.length} times`}, nothing was charged.`];
}

// Each decision may send once; after a delivery that failed somebody may decide again.
function delivered(deliveries, decisions) {
  if (!deliveries.length) return ["none", "Nothing was sent."];
  const tooMany = deliveries.length > decisions.filter((one) => one.state !== "refused").length;
  const ending = { queued: "It waits in the queue.", send_failed: "The delivery failed again." }[deliveries.at(-1).result];
  return [tooMany ? "bad" : ending ? "none" : "good", `Deliveries: ${deliveries.length}`, ending];
}

const CHARGING = {
  takesKeys: true,
  acts: "Charges",
  verdict: charged,
  magic: "The customer's card decides how a retry ends. Add an invoice of one, then ask for it.",
  ledger: (name) => `Everything ${name} charged`,
  noLedger: "No attempt has reached the bank yet.",
  deeds: {
    pay_elsewhere: "Customer pays on the hosted page", void_elsewhere: "A colleague voids it", change_amount: "Half of it is credited",
    automatic_attempt: "Provider's own retry runs", settle_processing: "Bank debit settles", change_card: "Customer stores a new card",
  },
  after: {
    hang: "Recoup gives up waiting, says that it may have happened, checks by itself and never charges twice.",
    reset: "Recoup checks by itself what happened, and never charges twice.",
    500: "An error is no proof: Recoup checks what really happened.",
    429: "Recoup asks again under the same key and gets the first answer.",
    html: "What makes no sense counts as no answer: Recoup checks.",
    truncated: "Half an answer counts as none: Recoup checks.",
    empty: "Recoup checks what really happened.",
  },
  every: {
    hang: "Recoup cannot look first, so it sends nothing. What is under way stays “may have happened” until it can look.",
    reset: "The same, faster.",
    500: "Nothing is sent that cannot be checked first.",
    429: "Recoup waits between its requests.",
    html: "Recoup says that it cannot read the answer.",
    truncated: "Recoup says that it cannot read the answer.",
    empty: "Recoup says that it cannot read the answer.",
  },
};

const PROVIDERS = {
  stripe: {
    ...CHARGING,
    name: "Stripe",
    safe: "Every request that acts carries a key. Stripe answers a key that it knows with its first answer and does nothing again.",
    deeds: { ...CHARGING.deeds, automatic_attempt: "Stripe's own retry runs" },
  },
  lago: {
    ...CHARGING,
    name: "Lago",
    takesKeys: false,
    acts: "Takes the retry",
    safe: "Lago takes no key: it runs one payment job at a time, and Recoup looks before and after.",
    magic: "The stored payment method decides how a retry ends: Lago accepts it and charges a moment later. Add an invoice of one, then ask for it.",
    deeds: {
      ...CHARGING.deeds, pay_elsewhere: "Customer pays on the payment page", void_elsewhere: "A colleague voids it in Lago",
      automatic_attempt: "Lago tries by itself", change_card: "Customer stores a new payment method",
    },
    // An empty answer is how Lago says yes to a retry, so an empty or halved one disturbs nothing.
    after: {
      hang: "Recoup gives up waiting, looks at the invoice's payments and says what came of it. It does not ask twice.",
      reset: "Recoup looks at the invoice's payments, and does not ask twice.",
      500: "An error is no proof: Recoup looks at the invoice's payments.",
      429: "Recoup waits, reads the invoice again before it sends anything, and finds it paid.",
      html: "What makes no sense counts as no answer: Recoup looks at the invoice's payments.",
    },
  },
  braintree: {
    ...CHARGING,
    name: "Braintree",
    takesKeys: false,
    safe: "A retry at Braintree takes no key: Recoup sends it once, and reads the subscription's transactions when the answer is lost.",
    magic: "What you see are past-due subscriptions; the customer's payment method decides how charging one ends. Add one, then ask for it.",
    deeds: {
      ...CHARGING.deeds, pay_elsewhere: "A colleague charges it in the control panel", void_elsewhere: "A colleague cancels the subscription",
      change_amount: "The balance becomes half", automatic_attempt: "Braintree's own retry runs", change_card: "Customer stores a new payment method",
    },
    // Braintree answers 200 to everything: an error and “too many requests” stand in the body.
    after: {
      hang: "Recoup gives up waiting, reads the newest transactions and says what came of it. It does not ask twice.",
      reset: "Recoup reads the newest transactions, and does not ask twice.",
      500: "An error is no proof: Recoup reads the newest transactions.",
      429: "Recoup waits, reads the subscription again before it sends anything, and finds it paid.",
      html: "What makes no sense counts as no answer: Recoup reads the newest transactions.",
      truncated: "Half an answer counts as none: Recoup reads the newest transactions.",
      empty: "Recoup reads the newest transactions.",
    },
  },
  recurly: {
    ...CHARGING,
    name: "Recurly",
    acts: "Collects",
    safe: "Every request that acts carries a key, which Recurly keeps for an hour. While the first request still runs, Recoup asks again under the same key, never a new one.",
    magic: "The customer's billing info decides how a retry ends; Recurly always charges the whole balance. Add an invoice of one, then ask for it.",
    deeds: {
      ...CHARGING.deeds, pay_elsewhere: "Customer pays on the account page", void_elsewhere: "A colleague writes it off in Recurly",
      automatic_attempt: "Recurly's own retry runs", change_card: "Customer enters another card",
    },
  },
  paddle: {
    ...CHARGING,
    name: "Paddle",
    takesKeys: false,
    acts: "Changes the invoice",
    safe: "Paddle has no retry: nothing here charges anybody. It takes no keys either, but what the first send made of an invoice refuses a second, and Recoup looks before it says what happened.",
    magic: "There is no retry at Paddle: customers pay on their own page. The customer decides what that page and a cancellation or a credit come to. Add an invoice of one, then ask for its payment link.",
    deeds: {
      pay_elsewhere: "Customer pays on the payment page", void_elsewhere: "A colleague cancels it in Paddle",
      credit_elsewhere: "A colleague credits all of it", automatic_attempt: "Paddle tries the card again", change_card: "Customer becomes one who pays",
    },
    after: {
      hang: "Recoup gives up waiting, says that it may have happened, and looks at the invoice. It does not ask twice.",
      reset: "Recoup looks at the invoice and its credits, and does not ask twice.",
      500: "An error is no proof: Recoup looks at the invoice and its credits.",
      429: "Recoup waits, reads the invoice again before it sends anything, and finds it done.",
      html: "What makes no sense counts as no answer: Recoup looks.",
      truncated: "Half an answer counts as none: Recoup looks.",
      empty: "Recoup looks at the invoice and its credits.",
    },
  },
  chargebee: {
    ...CHARGING,
    name: "Chargebee",
    safe: "Every request that acts carries a key, which Chargebee keeps for half an hour and answers with its first answer. Later Recoup only looks.",
    deeds: { ...CHARGING.deeds, void_elsewhere: "A colleague voids it in Chargebee", automatic_attempt: "Chargebee's own retry (dunning) runs" },
  },
  lac: {
    name: "LAC",
    takesKeys: false,
    acts: "Sends",
    verdict: delivered,
    safe: "LAC cannot be asked afterwards: Recoup never sends twice by itself. Without an answer it says so and leaves it to you.",
    magic: "LAC charges nobody: it sends invoices. These are invoices whose delivery failed; the customer decides what becomes of the next send. LAC has no list, so ask for one by its id.",
    ledger: () => "Everything LAC sent",
    noLedger: "Nothing was sent yet.",
    deeds: { arrive: "What is queued is delivered", send_elsewhere: "A colleague sends it in the portal" },
    // No false “too many requests”: to LAC's word that nothing was done there is no second opinion.
    after: {
      hang: "Recoup gives up waiting, says that it may have been sent, and sends nothing again. LAC's portal shows it.",
      reset: "Recoup says that it may have been sent, and sends nothing again.",
      500: "An error is no proof that nothing was sent: Recoup says so, and leaves it to you.",
      html: "What makes no sense counts as no answer: it may have been sent.",
      truncated: "Half an answer counts as none: it may have been sent.",
      empty: "It may have been sent, and Recoup says so.",
    },
    every: {
      hang: "Recoup gives up waiting and says that it may have been sent: it cannot look.",
      reset: "The same, faster.",
      500: "Recoup cannot know whether it was sent, says so, and sends nothing again.",
      429: "Nothing is sent. Recoup waits, then sends once.",
      html: "Recoup says that it cannot read the answer.",
      truncated: "Recoup says that it cannot read the answer.",
      empty: "Recoup says that it cannot read the answer.",
    },
  },
};

// A provider that is new here speaks like the ones that charge, under its own name.
export const wordsOf = (slug) => PROVIDERS[slug] ?? { ...CHARGING, name: slug[0].toUpperCase() + slug.slice(1), safe: "" };

let chosen = null;

export const chosenOf = (world) => (chosen in world ? chosen : Object.keys(world)[0]);

// One provider at a time; `sheet` keeps the choices of two sheets apart, `marked` says which deserve a look.
export function chooser(world, sheet, again, marked = () => false) {
  const radio = (slug) => el("input", {
    type: "radio", name: `provider-${sheet}`, value: slug, checked: slug === chosenOf(world), "data-key": `${sheet}-provider-${slug}`,
    onchange: () => { chosen = slug; again(); },
  });
  return el("fieldset", { class: "providers" }, el("legend", { class: "hidden" }, "Provider"),
    Object.keys(world).map((slug) => el("label", {}, radio(slug), wordsOf(slug).name,
      marked(slug) && el("span", { class: "mark", title: "Something is switched on here" }, "on"))));
}
