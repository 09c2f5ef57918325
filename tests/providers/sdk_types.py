"""Whether a JSON object is what the types of Stripe's own SDK say: every field known, none missing, all of their kind."""

from __future__ import annotations

import builtins
import functools
import sys
import types
import typing
from typing import Any

import stripe
from stripe._stripe_object import UntypedStripeObject


class _Names(dict[str, Any]):
    """Names in the annotations of one class. The SDK imports most of them for type checkers only, some under an alias."""

    def __init__(self, owner: type) -> None:
        super().__init__()
        self._module = vars(sys.modules[owner.__module__])

    def __missing__(self, name: str) -> Any:
        if name in self._module or hasattr(builtins, name):
            raise KeyError(name)
        return getattr(stripe, name.removesuffix("Resource"), Any)


@functools.cache
def _fields(owner: type) -> dict[str, Any]:
    hints = typing.get_type_hints(owner, localns=_Names(owner))
    return {
        name: kind
        for name, kind in hints.items()
        if name in owner.__annotations__ and typing.get_origin(kind) is not typing.ClassVar
    }


def mismatches(value: object, kind: Any, where: str) -> list[str]:
    """Every place where `value` is not of `kind`, in words."""
    if kind is Any or isinstance(kind, typing.TypeVar):
        return []
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in {typing.Union, types.UnionType}:
        return _of_none(value, args, where)
    if origin is typing.Literal:
        return [] if value in args else [f"{where} is {value!r}"]
    if origin is list:
        items = value if isinstance(value, list) else [...]
        return [problem for item in items for problem in mismatches(item, args[0], f"{where}[]")]
    base = origin or kind
    if issubclass(base, stripe.StripeObject):
        return _of_object(value, base, args, where)
    is_right = isinstance(value, base) and not (isinstance(value, bool) and base is not bool)
    return [] if is_right else [f"{where} is {value!r}, not {base.__name__}"]


def _of_none(value: object, kinds: tuple[Any, ...], where: str) -> list[str]:
    """What is wrong for the kind that fits best; nothing when one of them fits."""
    if value is None and type(None) in kinds:
        return []
    tries = [mismatches(value, kind, where) for kind in kinds if kind is not type(None)]
    return max(tries, key=len) if all(tries) else []


def _of_object(value: object, base: type, args: tuple[Any, ...], where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where} is {value!r}, not an object"]
    if base is UntypedStripeObject:
        return []
    fields = _fields(base)
    if args:
        # A list: its type parameter is that of its items. To the SDK its own name is no field, and the address of its next
        # page is never null, though the SDK's own empty result has none.
        fields = fields | {"object": str, "url": str, "data": list.__class_getitem__(args[0])}
        fields |= {name: kind | None for name, kind in fields.items() if name == "next_page"}
    problems = [f"{where}.{name} is not a field" for name in value if name not in fields]
    for name, kind in fields.items():
        if name in value:
            problems += mismatches(value[name], kind, f"{where}.{name}")
        elif type(None) not in typing.get_args(kind):
            problems.append(f"{where}.{name} is missing")
    return problems
