"""What Slack's own client checks before a form reaches the app, and in which words it complains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

Json = Mapping[str, Any]


def problem_of(block: Json, element: Json, value: Any) -> str | None:
    """Why the form is not sent: a sentence to stand under this input; None where nothing is wrong."""
    if value in (None, "", []):
        return None if block["type"] != "input" or block.get("optional") else "Please complete this required field."
    check = _CHECKS.get(str(element["type"]))
    return check(element, value) if check else None


def number_of(value: Any) -> Decimal | None:
    """The number a field holds; None where it holds none. Slack's client takes digits, a sign and one point."""
    try:
        found = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def is_date(value: Any) -> bool:
    try:
        return date.fromisoformat(str(value)).isoformat() == str(value)
    except ValueError:
        return False


def _text_problem(element: Json, value: Any) -> str | None:
    least, most = element.get("min_length", 0), element.get("max_length", 3000)
    if len(str(value)) > most:
        return f"This must be at most {most} characters."
    if len(str(value)) < least:
        return f"This must be at least {least} characters."
    return None


def _number_problem(element: Json, value: Any) -> str | None:
    found = number_of(value)
    if found is None:
        return "Please enter a number."
    if not element["is_decimal_allowed"] and found != found.to_integral_value():
        return "Please enter a whole number."
    least, most = number_of(element.get("min_value")), number_of(element.get("max_value"))
    if least is not None and found < least:
        return f"Please enter a number that is at least {least}."
    if most is not None and found > most:
        return f"Please enter a number that is at most {most}."
    return None


def _date_problem(_element: Json, value: Any) -> str | None:
    return None if is_date(value) else "Please pick a date."


def _email_problem(_element: Json, value: Any) -> str | None:
    name, _, host = str(value).partition("@")
    return None if name and "." in host else "Please enter a valid email address."


def _url_problem(_element: Json, value: Any) -> str | None:
    return None if str(value).startswith(("http://", "https://")) else "Please enter a valid URL."


_CHECKS: Final[Mapping[str, Callable[[Json, Any], str | None]]] = {
    "plain_text_input": _text_problem,
    "number_input": _number_problem,
    "datepicker": _date_problem,
    "email_text_input": _email_problem,
    "url_text_input": _url_problem,
}
