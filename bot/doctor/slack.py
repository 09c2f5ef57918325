"""Slack's side: the tokens, their scopes, and the way by which Slack reaches the bot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.doctor.asking import UNREACHABLE, Answer, SlackAsker
from bot.doctor.report import Finding, advice, ok, problem
from bot.manifest import EVENTS_PATH, SCOPES, Scope
from bot.settings import Configuration, SlackConfiguration

_TOKEN = "bot token"  # noqa: S105 - the name of a line
_APP_TOKEN = "app token"  # noqa: S105 - likewise
_WHERE = "api.slack.com/apps, your app, OAuth & Permissions"
_APP_WHERE = "api.slack.com/apps, your app, Basic Information, App-Level Tokens"
_REVOKED = frozenset({"token_revoked", "account_inactive", "token_expired"})


@dataclass(frozen=True, slots=True)
class Installation:
    """Who the bot is, as `auth.test` says."""

    bot_user: str
    bot_name: str
    team: str


def mode_finding(configuration: Configuration, slack: SlackConfiguration) -> Finding:
    """How Slack's presses will reach the bot."""
    if not slack.socket_mode:
        return ok(
            "mode",
            f"HTTP: Slack calls https://YOUR-HOST{EVENTS_PATH}, which must reach {configuration.host}:{configuration.port}."
            " Whether SLACK_SIGNING_SECRET is right cannot be tried here; it shows at the first press.",
        )
    ignored = " SLACK_SIGNING_SECRET is set, too, and not used." if slack.signing_secret else ""
    return ok("mode", f"Socket Mode, because SLACK_APP_TOKEN is set: nothing here has to be reachable.{ignored}")


async def token_findings(asker: SlackAsker, *, gives_files: bool) -> tuple[Installation | None, Answer, list[Finding]]:
    """The bot token and its scopes. Without an installation nothing else can be asked of Slack. `gives_files` says whether
    any account's provider gives PDFs as files."""
    answer = await asker.ask("auth.test")
    if answer.word is not None:
        return None, answer, [problem(_TOKEN, _refused(answer, asker.host))]
    team = answer.body.get("team_id")
    if not isinstance(team, str):
        text = "Slack's answer names no workspace, so the bot will not start. Install the app to one workspace, not to all."
        return None, answer, [problem(_TOKEN, text)]
    name, workspace = str(answer.body.get("user") or "the bot"), str(answer.body.get("team") or team)
    found = Installation(str(answer.body.get("user_id") or ""), name, team)
    findings = [
        ok(_TOKEN, f"SLACK_BOT_TOKEN works: @{name} in the workspace {workspace}."),
        *_scope_findings(answer, gives_files=gives_files),
    ]
    return found, answer, findings


async def app_token_finding(asker: SlackAsker) -> Finding:
    """Asks for an address to connect to, and does not connect: a running bot keeps its connections."""
    answer = await asker.ask("apps.connections.open")
    match answer.word:
        case None:
            return ok(_APP_TOKEN, "SLACK_APP_TOKEN works: Slack offers a Socket Mode connection.")
        case "ratelimited":
            return advice(_APP_TOKEN, "Not checked: Slack asks to wait. Run `recoup doctor` again in a minute.")
        case "missing_scope" | "no_permission":
            text = f"SLACK_APP_TOKEN lacks the scope connections:write. Generate a new one with it: {_APP_WHERE}."
            return problem(_APP_TOKEN, text)
        case "not_allowed_token_type":
            return problem(_APP_TOKEN, f"SLACK_APP_TOKEN is another kind of token. Take the one that is at: {_APP_WHERE}.")
        case word if not answer.is_reachable:
            return problem(_APP_TOKEN, _silent(answer, asker.host))
        case word:
            hint = " Is Socket Mode switched on for the app?" if word in {"forbidden_team", "access_denied"} else ""
            text = (
                f"Slack does not accept SLACK_APP_TOKEN ({word}), so no press arrives.{hint} Take the one at: {_APP_WHERE}."
            )
            return problem(_APP_TOKEN, text)


def _scope_findings(answer: Answer, *, gives_files: bool) -> list[Finding]:
    held = answer.scopes
    if held is None:
        return [advice("scopes", "Slack did not say which scopes the bot token has, so they are not checked.")]
    missing = [scope for scope in SCOPES if scope.name not in held]
    needed = [scope for scope in missing if not scope.is_for_doctor and (gives_files or not scope.is_for_files)]
    findings = [problem("scopes", f"The bot token lacks {scope.name} ({scope.why}). {_how_to_add(1)}") for scope in needed]
    findings += _helpful(
        [scope for scope in missing if scope.is_for_doctor],
        "it cannot be checked whether the bot is in its channels, and whether these are shared with another company",
    )
    findings += _helpful(
        [scope for scope in missing if scope.is_for_files and not gives_files],
        "a PDF cannot be handed over as a file. None of your providers needs that today",
    )
    findings += _too_many(held - {scope.name for scope in SCOPES})
    return findings or [ok("scopes", "The bot token has every scope that the bot uses, and no other.")]


def _helpful(missing: Sequence[Scope], what: str) -> list[Finding]:
    names = " and ".join(scope.name for scope in missing)
    return [advice("scopes", f"Without {names} {what}. {_how_to_add(len(missing))}")] if missing else []


def _how_to_add(number: int) -> str:
    return f"Add {'it' if number == 1 else 'them'} at {_WHERE}, Scopes, and install the app again."


def _too_many(scopes: frozenset[str]) -> list[Finding]:
    """Whoever gets hold of the token has all of them."""
    if not scopes:
        return []
    names, them = ", ".join(sorted(scopes)), "it" if len(scopes) == 1 else "them"
    text = f"The bot token may also do what the bot never does: {names}. Take {them} away at {_WHERE}, Scopes."
    return [advice("scopes", text)]


def _refused(answer: Answer, host: str) -> str:
    if not answer.is_reachable:
        return _silent(answer, host)
    if answer.word == "ratelimited":
        return "Slack asks to wait. Run `recoup doctor` again in a minute."
    if answer.word in _REVOKED:
        return (
            f"SLACK_BOT_TOKEN is not valid any more ({answer.word}). Install the app again and take the new one: {_WHERE}."
        )
    return (
        f"Slack does not accept SLACK_BOT_TOKEN ({answer.word}), so the bot cannot start. "
        f"Copy the Bot User OAuth Token (xoxb-…) from {_WHERE}."
    )


def _silent(answer: Answer, host: str) -> str:
    if answer.word == UNREACHABLE:
        return (
            f"{host} cannot be reached. The bot needs outgoing https connections to it; look at the network, a firewall, "
            "and SLACK_API_URL if it is set."
        )
    return f"{host} does not answer as Slack does. Is SLACK_API_URL right, or does a proxy answer in its place?"
