"""Running one of a fake provider's controls by name, with a sentence for what cannot be done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Control = Callable[..., dict[str, Any]]
"""Takes JSON-able arguments by name and answers a JSON-able mapping."""


def run(controls: Mapping[str, Control], name: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """Raises ValueError with a sentence."""
    control = controls.get(name)
    if control is None:
        raise ValueError(f"there is no control {name!r}; there are {', '.join(sorted(controls))}")
    try:
        return control(**args)
    except TypeError as error:
        raise ValueError(f"{name}: {error}") from error
    except KeyError as error:
        raise ValueError(f"{name}: there is no {error}") from error
