"""`recoup reconcile`: read once at the providers what became of every open decision. Sends nothing, and needs no Slack."""

from __future__ import annotations

import secrets

from bot.app import SystemClock, open_accounts
from bot.domain.action import ActionState
from bot.domain.errors import LeaseLost
from bot.domain.policy import People, Policy
from bot.domain.records import ActionRecord
from bot.ports import Clock
from bot.services.accounts import Accounts
from bot.services.execution import Execution
from bot.services.reconciliation import Reconciliation
from bot.services.resolution import Resolution
from bot.services.rights import Rights
from bot.services.rows import Rows
from bot.services.verdicts import VerdictRights
from bot.services.worker import LEASE
from bot.settings import Configuration
from bot.slack import StartRefused
from bot.storage.engine import Storage, open_storage
from bot.storage.schema import schema_is_current

SOME_OPEN = 3
"""Exit status where decisions are open still."""
_MOST = 10_000


class NoDirectory:
    """See `bot.ports.Directory`: without Slack nobody is in any role, and nothing that needs a right happens."""

    def snapshot(self) -> People | None:
        return None

    async def afresh(self) -> People | None:
        return None


async def reconcile(configuration: Configuration) -> int:
    """Print one line for each open decision; answers the exit status. Raises JournalUnavailable beside a running bot."""
    url, clock = configuration.database_url, SystemClock()
    if not await schema_is_current(url):
        raise StartRefused("The database has no tables yet, or old ones: run `recoup migrate` first.")
    accounts = open_accounts(configuration.accounts, clock)
    try:
        async with open_storage(url, exclusive=True, alone=True) as storage:
            accounts.remember(storage.journal.last_seen)
            await storage.journal.recover(clock.now())
            return await _read_all(storage, accounts, clock)
    finally:
        await accounts.close()


async def _read_all(storage: Storage, accounts: Accounts, clock: Clock) -> int:
    reconciliation = _reconciliation(storage, accounts, clock)
    found = await storage.journal.open_actions(_MOST)
    for action in found:
        _print(await _read(storage, reconciliation, action, clock))
    left = len(await storage.journal.open_actions(_MOST))
    _print(f"{len(found)} open before, {left} open now. Nothing was sent; the bot tells people in Slack when it runs.")
    return SOME_OPEN if left else 0


async def _read(storage: Storage, reconciliation: Reconciliation, action: ActionRecord, clock: Clock) -> str:
    what = f"{action.reference}  {action.kind} {action.ref or action.typed_ref or ''}".rstrip()
    if action.state is ActionState.ACCEPTED:
        return f"{what}: accepted, not sent yet; the bot decides when it runs"
    if action.verdict is not None:
        return f"{what}: {action.state}, a person's verdict waits; the bot asks Slack for their rights when it runs"
    claim = await storage.journal.claim_sent(action.id, secrets.token_hex(8), LEASE, clock.now())
    if claim is None:
        return f"{what}: {action.state}, in the hands of a worker that may have been killed; try again in two minutes"
    try:
        await reconciliation.settle(claim)
    except LeaseLost:
        return f"{what}: {action.state}, taken over by another worker meanwhile"
    except Exception as error:  # noqa: BLE001 - one decision's trouble must not keep the others from being read
        await storage.journal.release(claim.owner)
        return f"{what}: {action.state}, could not be checked ({type(error).__name__})"
    after = await storage.journal.action(action.id)
    return f"{what}: {action.state} → {_told(after)}" if after else what


def _told(action: ActionRecord) -> str:
    detail = action.ending.detail if action.ending and action.state.is_live else None
    return f"{action.state} ({detail})" if detail else str(action.state)


def _reconciliation(storage: Storage, accounts: Accounts, clock: Clock) -> Reconciliation:
    """The bot's own, that reads and never sends again."""
    journal = storage.journal
    rights = Rights(Policy({}, (), ""), NoDirectory(), journal, clock)
    rows = Rows(journal, accounts, clock)
    resolution = Resolution(journal, accounts, rows)
    execution = Execution(journal, accounts, rights, resolution, rows=rows, watchlist=storage.watchlist, clock=clock)
    return Reconciliation(accounts, execution, VerdictRights(journal, rights), clock, resends=False)


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command's output
