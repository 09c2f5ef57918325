"""What tired people type: it is understood as it was meant, or answered with one sentence that shows the nearest form.

Whatever is refused here raises before anything is looked up, so that nothing happens.
"""

from __future__ import annotations

import re

import pytest

from bot.domain.errors import UnusableValue
from bot.domain.filters import parse_filter
from bot.domain.reference import parse_reference
from handlers.command_text import NEEDS_REFERENCE, parse_command

PATTERNS = {"stripe": r"in_[A-Za-z0-9_]+", "lago": r"[0-9a-f]{8}-[0-9a-f]{4}"}
LINK = "https://dashboard.stripe.com/invoices/in_1AbC"
MAIL = "<mailto:ana@acme.test|ana@acme.test>"


def answer(text: str) -> str:
    """What is understood, as it would be typed by somebody who is awake; or the sentence."""
    try:
        said = parse_command(text, "/invoice")
        if said.name in NEEDS_REFERENCE:
            found = parse_reference(said.argument, PATTERNS)
            ref = found.number if hasattr(found, "number") else str(found)
            return f"= {said.name} {ref}{f' with {said.method}' if said.method else ''}"
        if said.name == "failed":
            parse_filter(said.argument, tuple(PATTERNS))
    except UnusableValue as error:
        return str(error)
    return f"= {said.name} {said.argument}".rstrip()


UNDERSTOOD = {
    "": "= help",
    "help retry": "= help retry",
    "SHOW EX-0042": "= show EX-0042",
    "Show In_1AbC": "= show stripe:in_1AbC",
    "show Stripe:In_1AbC": "= show stripe:in_1AbC",
    "show in_1AbC.": "= show stripe:in_1AbC",
    "show “in_1AbC”": "= show stripe:in_1AbC",
    "“show in_1AbC”": "= show stripe:in_1AbC",
    "show\u00a0in_1AbC": "= show stripe:in_1AbC",
    "\u202eshow\u200f in_1AbC\u202c": "= show stripe:in_1AbC",
    "show in_1AbC\n": "= show stripe:in_1AbC",
    "show stripe : in_1AbC": "= show stripe:in_1AbC",
    "show stripe: in_1AbC": "= show stripe:in_1AbC",
    "show stripe\uff1ain_1AbC": "= show stripe:in_1AbC",
    "retry #EX-0042": "= retry EX-0042",
    "retry payment EX-0042": "= retry EX-0042",
    "Resend invoice EX-0042": "= resend EX-0042",
    "re-send EX-0042": "= resend EX-0042",
    "mark paid EX-0042": "= paid EX-0042",
    "Mark as paid EX-0042": "= paid EX-0042",
    "write off EX-0042": "= uncollectible EX-0042",
    "payment link EX-0042": "= link EX-0042",
    "finalise EX-0042": "= finalize EX-0042",
    "in_1AbC": "= show stripe:in_1AbC",
    "#EX-0042": "= show EX-0042",
    LINK: "= show stripe:in_1AbC",
    f"<{LINK}|dashboard.stripe.com/…>": "= show stripe:in_1AbC",
    f"pdf <{LINK}|the invoice of Acme>": "= pdf stripe:in_1AbC",
    "/invoice show in_1AbC": "= show stripe:in_1AbC",
    "/invoice": "= help",
    "freeze": "= freeze",
    "Freeze wrong prices, ask Maya": "= freeze wrong prices, ask Maya",
    "unfreeze": "= unfreeze",
    "failed&gt;500eur": "= failed >500eur",
    "failed hard, overdue": "= failed hard, overdue",
    "failed since: 2026-11-01 page: 2": "= failed since: 2026-11-01 page: 2",
    "failed page:0": "= failed page:0",
    f"find {MAIL}": "= find ana@acme.test",
    "search “Acme GmbH”": "= find Acme GmbH",
    "find acme page:2": "= find acme page:2",
    "find cus_1AbC": "= find cus_1AbC",
    "find #EX-0042.": "= find EX-0042",
    "find Acme Inc.": "= find Acme Inc.",
}

_NO_ID = "That is neither an invoice id nor a number. It looks like `stripe:in_1AbC` or `EX-0042`."
_FILTERS = "Words I know: `stripe`, `>500eur`, `customer:acme`, `hard`, `overdue`, `since:2026-11-01`, `page:2`."
_AMOUNT = "An amount needs its sign and its currency, like `>500eur` or `<20usd`."
_PAYMENT = (
    "That is a payment, not an invoice. Its page at the provider names the invoice; then try `/invoice show in_1AbC`."
)
_CUSTOMER = "That is a customer, not an invoice. Their invoices: `/invoice find cus_1AbC`."

ANSWERED = {
    "retryin_1AbC": "Did you mean `/invoice retry in_1AbC`?",
    "retry:in_1AbC with pm_1XyZ": "Did you mean `/invoice retry in_1AbC with pm_1XyZ`?",
    "voidEX-0042": "Did you mean `/invoice void EX-0042`?",
    "in_1AbC retry": "Did you mean `/invoice retry in_1AbC`?",
    "retry pm_1XyZ in_1AbC": "Did you mean `/invoice retry in_1AbC with pm_1XyZ`?",
    "retry in_1AbC pm_1XyZ": "Did you mean `/invoice retry in_1AbC with pm_1XyZ`?",
    "retry EX 0042": "Did you mean `/invoice retry EX-0042`?",
    "mark EX-0042 as paid": "Did you mean `/invoice paid EX-0042`?",
    "stop": "I don't know `stop`. Did you mean `/invoice freeze`?",
    "pause wrong prices": "I don't know `pause`. Did you mean `/invoice freeze wrong prices`?",
    "resume": "I don't know `resume`. Did you mean `/invoice unfreeze`?",
    "unfreze": "I don't know `unfreze`. Did you mean `/invoice unfreeze`?",
    "charge EX-0042": "I don't know `charge`. Did you mean `/invoice retry EX-0042`?",
    "send EX-0042": "I don't know `send`. Did you mean `/invoice resend EX-0042`?",
    "pay EX-0042": (
        "Did you mean `/invoice retry EX-0042`, which charges the customer, or `/invoice paid EX-0042`, which only notes a "
        "payment?"
    ),
    "refund EX-0042": "Refunds are not made here: make them at the provider, on the page of the payment.",
    MAIL: "Did you mean `/invoice find ana@acme.test`?",
    f"show {MAIL}": "That is an e-mail address, not an invoice. The customer's invoices: `/invoice find ana@acme.test`.",
    "show cus_1AbC": _CUSTOMER,
    "retry stripe:cus_1AbC": _CUSTOMER,
    "show https://dashboard.stripe.com/customers/cus_1AbC?tab=1": _CUSTOMER,
    "retry pi_3AbC": _PAYMENT,
    "void ch_3AbC.": _PAYMENT,
    "show re_3AbC": _PAYMENT,
    "show sub_1AbC": (
        "That is a subscription, not an invoice. Its page at the provider lists its invoices; then try "
        "`/invoice show in_1AbC`."
    ),
    "retry pm_1XyZ": (
        "That is a payment method, not an invoice. To charge it for an invoice: "
        "`/invoice retry stripe:in_1AbC with pm_1XyZ`."
    ),
    "show ii_1AbC": "That is the id of something else, not of an invoice, which looks like this: `/invoice show in_1AbC`.",
    "retry in_1AbC with": "After “with” comes one stored payment method: `/invoice retry in_1AbC with pm_1XyZ`.",
    "retry with pm_9": "After “with” comes one stored payment method: `/invoice retry stripe:in_1AbC with pm_9`.",
    "retry in_1AbC with the amex": "After “with” comes one stored payment method: `/invoice retry in_1AbC with pm_1XyZ`.",
    "void in_1AbC with pm_1XyZ": "Only `retry` takes “with”. Try `/invoice void in_1AbC`.",
    "retry in_1AbC in_2DeF": "One invoice at a time, please: `/invoice retry in_1AbC`.",
    "show in_1AbC\nin_2DeF": "One invoice at a time, please: `/invoice show in_1AbC`.",
    "retry in_1AbC, please": "One invoice at a time, please: `/invoice retry in_1AbC`.",
    "retry 💸 in_1AbC": "One invoice at a time, please: `/invoice retry in_1AbC`.",
    "retry &gt;500eur": "`retry` is for one invoice. To see them by amount: `/invoice failed >500eur`.",
    "retry stripe >500eur": "`retry` is for one invoice. To see them by amount: `/invoice failed >500eur`.",
    "show acme gmbh": "I see no invoice id or number in that. To look for a customer: `/invoice find acme gmbh`.",
    "retry": "Which invoice? For example `/invoice retry stripe:in_1AbC` or `/invoice retry EX-0042`.",
    "retry 💸": _NO_ID,
    "show :moneybag:": _NO_ID,
    "show <@U0MAYA>": _NO_ID,
    "show stripe:": "After `stripe:` comes an invoice id or number, such as `stripe:in_1AbC`.",
    "show paypal:in_1AbC": "There is no account of that name here. Known accounts: `lago`, `stripe`.",
    "failed purple": f"I don't know the word `purple` here. {_FILTERS}",
    "failed since:yesterday": "After `since:` comes a date like `2026-11-01`.",
    "failed page:abc": "After `page:` comes a number like `page:2`.",
    "failed >500": _AMOUNT,
    "failed 500eur": _AMOUNT,
    "find": "What shall I look for? For example `/invoice find acme` or `/invoice find ana@acme.example`.",
    "find “”": "What shall I look for? For example `/invoice find acme` or `/invoice find ana@acme.example`.",
    "/remind me": "I don't know `/remind`. `/invoice help` lists what I can do.",
    "thanks!": "I don't know `thanks`. `/invoice help` lists what I can do.",
    "x" * 600: "That is longer than any command of mine. Try `/invoice help`.",
}


@pytest.mark.parametrize(("typed", "said"), [*UNDERSTOOD.items(), *ANSWERED.items()])
def test_it_is_understood_as_meant_or_answered_with_the_nearest_form(typed: str, said: str) -> None:
    assert answer(typed) == said


@pytest.mark.parametrize("sentence", sorted(set(ANSWERED.values())))
def test_every_answer_is_short_and_asks_or_ends_like_a_sentence(sentence: str) -> None:
    assert len(sentence) < 160
    assert sentence.endswith((".", "?"))
    assert sentence.count("`") % 2 == 0


@pytest.mark.parametrize("sentence", [said for said in ANSWERED.values() if "`/invoice " in said])
def test_a_form_that_is_proposed_is_one_that_works(sentence: str) -> None:
    for form in re.findall(r"`/invoice ([^`]+)`", sentence):
        assert answer(form).startswith("= "), form
