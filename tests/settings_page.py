"""Writes docs/settings.md out of the settings themselves: `python -m tests.settings_page > docs/settings.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, SecretStr
from pydantic.fields import FieldInfo

from bot.domain.action import STAR, Word
from bot.providers import registry
from bot.sections import AllowSection, ApproveSection, AttemptsSection, DigestSection, HttpSection, RoleSection
from bot.settings import Settings

_IN_SECTIONS = {"http", "accounts", "attempts", "digest", "roles", "allow", "approve"}
_ENVIRONMENT_ONLY = {"slack_api_url", "config"}
"""Beside the secrets, for which no key of the file is shown."""
_HEAD = """# Settings

Made from the settings themselves (`make docs`); do not edit.

`recoup.toml` holds what may lie in git, the environment holds secrets, and wins where both say something. A name that
is not on this page stops the start with a sentence that names it; so does a value that cannot be used.
"""


def page() -> str:
    parts = [
        _HEAD,
        "## The bot itself\n",
        _table(_top()),
        "## Where it listens: `[http]`\n",
        f"{sentence_of(HttpSection)}\n",
        _table(_keys(HttpSection, "http.", "RECOUP_HTTP__")),
        *_accounts(),
        "## Many attempts: `[attempts]`\n",
        f"{sentence_of(AttemptsSection)} No variable sets these.\n",
        _table(_keys(AttemptsSection, "attempts.")),
        "## Digests: `[digest.<name>]`\n",
        "Any number of them. No variable sets these.\n",
        _table(_keys(DigestSection, "digest.<name>.")),
        "## People: `[roles.<name>]`\n",
        "Ids, never names: a name can be taken by somebody else. No variable sets these.\n",
        _table(_keys(RoleSection, "roles.<name>.")),
        "## Rights: `[[allow]]`\n",
        "Each table grants; nothing takes away. What no table grants is refused. No variable sets these.\n",
        _table(_keys(AllowSection, "allow.")),
        "The words of `actions`: " + ", ".join(f"`{word}`" for word in Word) + ".",
        "`*` means " + ", ".join(f"`{word}`" for word in Word if word in STAR) + ".\n",
        "## A second person: `[[approve]]`\n",
        "What one person decides and another has to agree to. Where several tables fit, the one with the largest `above`",
        "counts. Nobody agrees to what they asked for themselves. No variable sets these.\n",
        _table(_keys(ApproveSection, "approve.")),
    ]
    return "\n".join(parts)


def _top() -> Iterable[tuple[str, str, FieldInfo]]:
    for name, field in Settings.model_fields.items():
        if name not in _IN_SECTIONS:
            variable = str(field.validation_alias or f"RECOUP_{name.upper()}")
            yield "" if name in _ENVIRONMENT_ONLY else name, variable, field


def _keys(section: type[BaseModel], prefix: str, variables: str | None = None) -> Iterable[tuple[str, str, FieldInfo]]:
    for name, field in section.model_fields.items():
        yield f"{prefix}{name}", f"{variables}{name.upper()}" if variables else "", field


def _accounts() -> list[str]:
    parts = [
        "## Accounts of providers: `[accounts.<name>]`\n",
        "The name is the first half of every reference (`stripe:in_1AbC`): small letters, digits and dashes; a dash is `_`",
        "in a variable. `provider` says which of the sections below its other settings come from; it is the name when not",
        "set.\n",
        row(("in recoup.toml", "environment", "type", "default", "meaning")),
        row(("---",) * 5),
        row(("`accounts.<name>.provider`", "`RECOUP_ACCOUNTS__<NAME>__PROVIDER`", "text", "the name", "The provider.")),
        "",
    ]
    for slug in registry.slugs():
        credentials = registry._PROVIDERS[slug].credentials
        parts += [
            f'### {registry.facts_of(slug).name}: `provider = "{slug}"`\n',
            f"{sentence_of(credentials)}\n",
            _table(_keys(credentials, "accounts.<name>.", "RECOUP_ACCOUNTS__<NAME>__")),
        ]
    return parts


def _table(keys: Iterable[tuple[str, str, FieldInfo]]) -> str:
    rows = [row(("in recoup.toml", "environment", "type", "default", "meaning")), row(("---",) * 5)]
    for key, variable, field in keys:
        if not field.description:
            raise SystemExit(f"{key or variable} has no description")
        where = "" if _is_secret(field) else code(key)
        rows.append(row((where, code(variable), _type_of(field), default_of(field), field.description)))
    return "\n".join(rows) + "\n"


def row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _is_secret(field: FieldInfo) -> bool:
    return "SecretStr" in str(field.annotation)


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def _type_of(field: FieldInfo) -> str:
    is_slack_id = any(isinstance(each, AfterValidator) for each in field.metadata)
    return "Slack id" if is_slack_id else _type(field.annotation)


def sentence_of(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


def _type(kind: Any) -> str:
    origin, inside = get_origin(kind), [each for each in get_args(kind) if each is not type(None)]
    if origin is Annotated:
        return "Slack id" if any(isinstance(each, AfterValidator) for each in get_args(kind)) else _type(get_args(kind)[0])
    if origin is Literal:
        return " or ".join(f"`{each}`" for each in inside)
    if origin is list:
        return f"list of {_type(inside[0])}s"
    if origin is dict:
        return "table of amounts"
    if origin is not None and inside and (origin is Union or len(inside) == 1 or type(None) in get_args(kind)):
        return _type(inside[0])
    return {str: "text", int: "number", float: "number", bool: "`true` or `false`", SecretStr: "secret"}.get(
        kind, str(kind)
    )


def default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    default = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if default is None or default in ({}, []):
        return "none"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


if __name__ == "__main__":
    sys.stdout.write(page())
