"""The magic customers of the fake LAC: whose invoice comes to what when it is sent again."""

from __future__ import annotations

from dataclasses import dataclass

from bot.sandbox.providers.magic import Disturbance, Magic


@dataclass(frozen=True, slots=True)
class Behaviour:
    """`what` says in plain words what a send does; `becomes` is the status after one that was carried out."""

    name: str
    what: str
    becomes: str = "sent"
    refuses: str | None = None
    """The detail of a 422, each time."""
    answer: Disturbance | None = None
    """What befalls the answer after the effect."""
    arrives: bool = True
    """False: the request hangs and nothing is sent."""
    refusals: int = 0
    """So many sends are turned away with 429 before one gets through."""


BEHAVIOURS: tuple[Behaviour, ...] = (
    Behaviour("delivered", "Sent again, and on its way at once."),
    Behaviour("queued", "Accepted, but it stays in the queue.", becomes="queued"),
    Behaviour("fails_again", "Accepted, and the delivery fails once more.", becomes="send_failed"),
    Behaviour("refused", "Refused: the e-invoice address is not known.", refuses="The recipient's address is not known."),
    Behaviour("send_then_hang", "Sent, but the answer never comes.", answer=Disturbance.HANG),
    Behaviour("send_then_reset", "Sent, then the connection is cut.", answer=Disturbance.RESET),
    Behaviour("send_then_500", "Sent, but the answer is a server error.", answer=Disturbance.ERROR),
    Behaviour("send_then_html", "Sent, but the answer is a web page.", answer=Disturbance.HTML),
    Behaviour("send_then_cut", "Sent, but half of the answer is lost.", answer=Disturbance.TRUNCATED),
    Behaviour("hang", "No answer, and nothing is sent.", arrives=False),
    Behaviour("rate_limited", "Turned away twice with 429, then sent.", refusals=2),
)
BY_NAME: dict[str, Behaviour] = {one.name: one for one in BEHAVIOURS}
MAGIC: tuple[Magic, ...] = tuple(Magic(one.name, one.what) for one in BEHAVIOURS)
"""As the sandbox's page lists them."""
