"""What a vendor says is shown without keys, and with everything else."""

from __future__ import annotations

import pytest

from bot.providers.wording import scrubbed


@pytest.mark.parametrize(
    "key",
    [
        "sk_test_51VerySecretKey",
        "lac_sk_recoup_sandbox_write",
        "pdl_sdbx_apikey_01sandbox_SandboxSecret1_AbC",
        "test_RecoupSandboxFullAccess",
        "live_aBcDeFgHiJkL",
        "acme_live_0123456789abcdef",
    ],
)
def test_a_key_by_its_beginning_is_not_repeated(key: str) -> None:
    assert scrubbed(f"The key {key} is not valid.") == "The key [key] is not valid."


@pytest.mark.parametrize(
    "words", ["test_mode_is_not_allowed", "live_mode_mismatch", "a test_card was used", "latest_invoice"]
)
def test_a_code_that_only_speaks_of_test_and_live_is_shown(words: str) -> None:
    assert scrubbed(words) == words
