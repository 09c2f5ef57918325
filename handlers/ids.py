"""The ids that Slack echoes back, each in one place: views write them, listeners are registered for them."""

from __future__ import annotations

from typing import Final

RUN_ACTION: Final = "invoice.run_action"
"""A button that decides at once (Retry payment)."""
MORE: Final = "invoice.more"
"""The overflow of an invoice; its options carry the same values as buttons."""
LINK: Final = "invoice.link"
"""Answers privately with the payment page."""
SHOW: Final = "invoice.show"
"""Answers privately with the card."""
SHARE: Final = "invoice.share"
"""Posts a private card into the channel."""
CHECK: Final = "invoice.check"
"""Reads once more what an unknown decision came to."""

REASON_MODAL: Final = "invoice.reason"
READING_MODAL: Final = "invoice.reading"
REASON_CHOICE_BLOCK: Final = "reason_choice"
REASON_CHOICE: Final = "invoice.reason_choice"
REASON_TEXT_BLOCK: Final = "reason_text"
REASON_TEXT: Final = "invoice.reason_text"
