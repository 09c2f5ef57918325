"""What a person at the sandbox page can make happen at any fake provider, and how a control is run by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from bot.sandbox.providers.magic import Disturbance, Magic

Control = Callable[..., dict[str, Any]]
"""Takes JSON-able arguments by name and answers a JSON-able mapping."""
SHOWN_REQUESTS = 50


class Disturbed(Protocol):
    """A fake with the two switches that every fake has: each request meets a fault, or each answer after an effect does.
    `faults_left` counts them down."""

    everything: str | None
    after_effect: str | None
    faults_left: int | None

    def magic(self) -> Sequence[Magic]: ...


class FaultControls:
    """The controls of those two switches, and those that a fake has of its own."""

    def __init__(self, fake: Disturbed, own: Mapping[str, Control]) -> None:
        self._fake = fake
        self._controls: dict[str, Control] = {**own, "everything": self.everything, "after_effect": self.after_effect}

    def run(self, name: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Raises ValueError with a sentence."""
        control = self._controls.get(name)
        if control is None:
            raise ValueError(f"there is no control {name!r}; there are {', '.join(sorted(self._controls))}")
        try:
            return control(**args)
        except TypeError as error:
            raise ValueError(f"{name}: {error}") from error
        except KeyError as error:
            raise ValueError(f"{name}: there is no {error}") from error

    def everything(self, what: str | None = None, times: int | None = None) -> dict[str, Any]:
        self._fake.everything = Disturbance(what) if what else None
        self._fake.faults_left = times
        return {"everything": what, "times": times}

    def after_effect(self, what: str | None = None, times: int | None = None) -> dict[str, Any]:
        self._fake.after_effect = Disturbance(what) if what else None
        self._fake.faults_left = times
        return {"after_effect": what, "times": times}

    def shown(self, **switches: object) -> dict[str, Any]:
        """What every snapshot begins with; `switches` are the fake's own, beside those two."""
        fake = self._fake
        common = {"everything": fake.everything, "after_effect": fake.after_effect, "faults_left": fake.faults_left}
        return {
            "magic": [{"name": magic.name, "what": magic.what} for magic in fake.magic()],
            "controls": sorted(self._controls),
            "switches": {**common, **switches},
        }
