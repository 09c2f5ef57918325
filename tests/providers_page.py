"""Writes docs/providers.md and the table in README.md out of the adapters' own facts: `python -m tests.providers_page`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import assert_never

from pydantic import BaseModel

from bot.domain.action import Action
from bot.domain.capability import Capability, Permission, ProviderFacts, Resend
from bot.domain.invoice import CollectionMethod, InvoiceStatus
from bot.providers import registry
from tests.settings_page import code, default_of, row, sentence_of

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "providers.md"
README = ROOT / "README.md"
BEGIN, END = "<!-- providers -->", "<!-- /providers -->"
_HEAD = """# Providers

Made from the adapters' own facts (`make docs`); do not edit. The same facts hide the buttons that cannot work, and guard
every send.
"""
_AFTER = """
Where it says `no`, the section of the provider says what to do instead. To check an account before you rely on it:
[first-live-check.md](first-live-check.md). To add a provider: [adding-a-provider.md](adding-a-provider.md).
"""
_COLLECTED = {
    CollectionMethod.AUTOMATIC: "charged automatically",
    CollectionMethod.MANUAL: "paid by the customer themselves",
}


def page() -> str:
    everyone = _everyone()
    parts = [_HEAD, table(), _AFTER, *(line for facts in everyone for line in _section(facts))]
    return "\n".join(parts)


def table() -> str:
    """Every provider beside every other: the vendor's own word where it can, "no" where it cannot."""
    everyone = _everyone()
    rows = [
        row(("", *(facts.name for facts in everyone))),
        row(("---",) * (len(everyone) + 1)),
        *(row((code(action), *(_term(facts, action) for facts in everyone))) for action in Action),
        _answers("`link`, a page to pay at", [facts.has_payment_link for facts in everyone]),
        _answers("`pdf`", [facts.has_pdf for facts in everyone]),
        _answers("`failed`, and in the digest by itself", [facts.has_list for facts in everyone]),
        row(("`show`, as it is now", *map(_shown, everyone))),
        _answers("`find`", [_can_find(facts) for facts in everyone]),
        _answers("`retry … with` another method", [_takes_method(facts) for facts in everyone]),
        row(("when an answer is lost", *(_after_silence(facts.resend) for facts in everyone))),
    ]
    return "\n".join(rows)


def with_table(readme: str) -> str:
    """README with the table of today between its two marks."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def _everyone() -> list[ProviderFacts]:
    return [registry.facts_of(slug) for slug in sorted(registry.slugs())]


def _section(facts: ProviderFacts) -> Iterable[str]:
    credentials = registry._PROVIDERS[facts.slug].credentials
    yield f"## {facts.name}\n"
    yield f"The vendor's page: <{facts.docs_url}>\n"
    yield f"**Failed** means: {facts.failed_means}\n"
    yield f"**Named in Slack** as {_reference(facts)}\n"
    yield f"**Test and live.** {_mode(credentials)}\n"
    yield f"**When an answer is lost.** {_silence(facts)}\n"
    yield f"### What {facts.name} can do\n"
    yield _lines(("", facts.name, "what it does, or what to do instead", "on an invoice that is"), _abilities(facts))
    if facts.permissions:
        yield f"### What the key needs at {facts.name}\n"
        yield _lines(("permission", "needed", "what it is for"), map(_permission, facts.permissions))
    yield f"### Settings of an account at {facts.name}\n"
    yield f'{sentence_of(credentials)} In `recoup.toml`, with `provider = "{facts.slug}"`: [settings.md](settings.md).\n'
    yield _lines(("variable", "default", "meaning"), _settings(credentials))
    if facts.quirks:
        yield "### Good to know\n"
        yield "".join(f"- {quirk}\n" for quirk in facts.quirks)


def _abilities(facts: ProviderFacts) -> Iterable[Sequence[str]]:
    for action in Action:
        capability = facts.capabilities.get(action)
        if capability is None:
            yield code(action), "no", facts.instead.get(action, ""), ""
        else:
            yield code(action), capability.provider_term, _told(action, capability), _where(capability)
    given = "Given privately, fetched fresh each time."
    yield _ability("`link`", facts.has_payment_link, given, "There is no page to pay at.")
    yield _ability("`pdf`", facts.has_pdf, given, "There is no PDF.")
    unlisted = "Failed invoices cannot be listed: the digest has those that somebody watches or acted on."
    yield _ability("`failed`", facts.has_list, "Failed invoices are listed, and in the digest by themselves.", unlisted)
    unread = "An invoice is known as it was last seen; what changed since shows only when it is acted on."
    afresh = "An invoice is read when it is asked for, and before every action."
    yield "`show`", _shown(facts), afresh if facts.can_read else unread, ""
    found = "By number, customer id, e-mail address or name."
    yield _ability("`find`", _can_find(facts), found, "There is no search; type the id.")
    chosen, unchosen = "Another stored method of the customer can be charged.", "No other method can be chosen."
    yield _ability("`retry … with`", _takes_method(facts), chosen, unchosen)


def _ability(command: str, able: bool, told: str, otherwise: str) -> Sequence[str]:
    return command, _yes(able), told if able else otherwise, ""


def _told(action: Action, capability: Capability) -> str:
    whole = " Only the whole amount." if action is Action.PAID and not capability.takes_part else ""
    asked = " A typed command is asked back before anything is sent." if capability.asks_back else ""
    return f"{capability.consequence}{whole}{asked}"


def _where(capability: Capability) -> str:
    statuses = [status for status in InvoiceStatus if status in capability.allowed_on]
    told = "any" if statuses == [InvoiceStatus.OTHER] else " or ".join(sorted(capability.only_while) or statuses)
    if capability.collection == frozenset(CollectionMethod):
        return told
    return f"{told}, {' or '.join(sorted(_COLLECTED[method] for method in capability.collection))}"


def _settings(credentials: type[BaseModel]) -> Iterable[Sequence[str]]:
    for name, field in credentials.model_fields.items():
        yield code(f"RECOUP_ACCOUNTS__<NAME>__{name.upper()}"), default_of(field), field.description or ""


def _permission(permission: Permission) -> Sequence[str]:
    return permission.grant, "if wanted" if permission.is_optional else "yes", permission.why


def _mode(credentials: type[BaseModel]) -> str:
    mode = credentials.model_fields["mode"]
    return f"{'The setting `mode` says it.' if mode.is_required() else 'The key says it. `mode`:'} {mode.description}"


def _reference(facts: ProviderFacts) -> str:
    if facts.ids_are_opaque:
        return f"`{facts.slug}:ID`, always with the account's name, for the shape of its ids is not known."
    return f"`{facts.slug}:ID` or the id alone, which is known by its shape: `{facts.id_pattern}`"


def _silence(facts: ProviderFacts) -> str:
    match facts.resend:
        case Resend.KEYED:
            return (
                f"Every send has a key, and a second send under the same key is the same send. {facts.name} keeps "
                f"keys for {_spoken(facts.key_window)}. Recoup sends again only within ten minutes of the press and while "
                "nothing has changed; after that it finds out by reading."
            )
        case Resend.GUARDED:
            return (
                f"{facts.name} knows no keys, so Recoup never sends a second time by itself: it finds out by reading. What "
                "the first send has made of the invoice refuses a second one."
            )
        case Resend.NAIVE:
            return (
                f"{facts.name} knows no keys, and no read tells what came of a send. Recoup sends once and never again by "
                "itself; it says that the answer is missing, and a person has to look."
            )
        case _:
            assert_never(facts.resend)


def _spoken(window: timedelta) -> str:
    minutes = round(window.total_seconds() / 60)
    return f"{minutes // 60} hours" if minutes >= 120 else f"{minutes} minutes"


def _after_silence(resend: Resend) -> str:
    match resend:
        case Resend.KEYED:
            return "sent again under the same key, or read"
        case Resend.GUARDED:
            return "read, never sent again"
        case Resend.NAIVE:
            return "said, never sent again"
        case _:
            assert_never(resend)


def _term(facts: ProviderFacts, action: Action) -> str:
    capability = facts.capabilities.get(action)
    return capability.provider_term if capability else "no"


def _shown(facts: ProviderFacts) -> str:
    return "yes" if facts.can_read else "as last seen"


def _can_find(facts: ProviderFacts) -> bool:
    """What cannot be listed cannot be searched either."""
    return facts.has_list


def _takes_method(facts: ProviderFacts) -> bool:
    return any(capability.takes_method for capability in facts.capabilities.values())


def _answers(about: str, able: Sequence[bool]) -> str:
    return row((about, *map(_yes, able)))


def _yes(able: bool) -> str:
    return "yes" if able else "no"


def _lines(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join([row(head), row(("---",) * len(head)), *map(row, rows)]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
    README.write_text(with_table(README.read_text()))
