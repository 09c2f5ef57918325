"""The `recoup.toml` that `recoup init` writes, and what it tells somebody who has never seen it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bot.domain.errors import RecoupError

EXAMPLE: Final = """\
# Recoup: who may do what about failed invoices, and where the digest is posted.
# This file may lie in git: it holds no secrets. Those come from the environment:
#
#   SLACK_BOT_TOKEN                    the bot token of your Slack app (xoxb-...)
#   SLACK_APP_TOKEN                    its app-level token (xapp-...): Socket Mode, nothing of yours has to be reachable
#   SLACK_SIGNING_SECRET               instead of it: Slack calls your address (POST /slack/events)
#   RECOUP_ACCOUNTS__STRIPE__API_KEY   the key of the Stripe account below
#   RECOUP_DATABASE_URL                where decisions are kept; without it the SQLite file recoup.db, here
#   RECOUP_CONFIG                      where this file is, when it is not ./recoup.toml
#   SLACK_API_URL                      only for tests: another base of Slack's Web API
#
# A variable named RECOUP_... wins over a line below. Replace every id with YOUR in it, then ask `recoup doctor`.

command = "/invoice"             # what people type; the Slack app has to know the same word
ops_channel = "C_YOUR_CHANNEL"   # told when something needs a person: an ending that cannot be found out, say
log_level = "INFO"               # DEBUG, INFO, WARNING or ERROR

# Where the bot listens: Slack's requests (HTTP only), GET /healthz and GET /metrics.
[http]
host = "127.0.0.1"
port = 3000

# One section for each account. Its name is the first half of every reference: stripe:in_1AbC.
[accounts.stripe]
provider = "stripe"
mode = "test"                    # test or live: a key of the other mode stops the start
# base_url = "https://api.stripe.com"
# requests_per_second = 10       # our share of the account's rate limit
# stripe_account = "acct_..."    # act for a connected account
# A second key that can only read: RECOUP_ACCOUNTS__STRIPE__READ_KEY

# Lago: one section for each organization. Its keys: RECOUP_ACCOUNTS__LAGO__API_KEY, and RECOUP_ACCOUNTS__LAGO__READ_KEY
# [accounts.lago]
# provider = "lago"
# mode = "test"                  # has to be said: a key of Lago's does not tell test from live
# base_url = "https://api.eu.getlago.com/api/v1"   # without this line: Lago's cluster in the USA

# Paddle: one section for the live account, another for its sandbox. Its keys: RECOUP_ACCOUNTS__PADDLE__API_KEY and, to read
# with, RECOUP_ACCOUNTS__PADDLE__READ_KEY
# [accounts.paddle]
# provider = "paddle"
# mode = "test"                  # only for a key that does not begin with pdl_: the others tell it themselves
# checkout_hosts = "pay.example.com"   # where your payment pages are; links to other hosts are not shown

# LAC: one section for each company. Its keys: RECOUP_ACCOUNTS__LAC__API_KEY (to write), and RECOUP_ACCOUNTS__LAC__READ_KEY
# [accounts.lac]
# provider = "lac"
# mode = "live"                  # has to be said: LAC has no test side, and every send goes to a real customer
# currency = "EUR"               # LAC does not tell which

# Braintree: one section for each merchant. Its keys: RECOUP_ACCOUNTS__BRAINTREE__PUBLIC_KEY and
# RECOUP_ACCOUNTS__BRAINTREE__PRIVATE_KEY
# [accounts.braintree]
# provider = "braintree"
# merchant_id = "..."            # as the address of the control panel names it
# mode = "test"                  # test is Braintree's sandbox, live is production; each has keys of its own

# Recurly: one section for each site. Its key: RECOUP_ACCOUNTS__RECURLY__API_KEY, a private one
# [accounts.recurly]
# provider = "recurly"
# mode = "test"                  # has to be what Recurly reports for the site: live is production, all else is test
# subdomain = "acme"             # the site of the key: acme.recurly.com
# region = "eu"                  # without this line: us

# Chargebee: one section for each site. Its keys: RECOUP_ACCOUNTS__CHARGEBEE__API_KEY (full access), and, to read with,
# RECOUP_ACCOUNTS__CHARGEBEE__READ_KEY (read-only)
# [accounts.chargebee]
# provider = "chargebee"
# site = "acme-test"             # of acme-test.chargebee.com; a site whose name ends in -test is test, others are live
# mode = "test"                  # the start is refused where the site is the other one
# void_reason_code = "..."       # where the site wants a reason code for each void: one of its list
# zero_decimal = "JPY KRW XAF XOF"   # currencies that the site counts in whole units; all others in hundredths

# The digest of failed invoices. There may be several, each with a name of its own.
[digest.finance]
channel = "C_YOUR_CHANNEL"       # an id, not a name. In Slack: the channel's details, at the end, Copy channel ID
cron = "0 9 * * mon-fri"         # minute hour day month weekday; weekdays by name
timezone = "Europe/Berlin"
accounts = ["stripe"]            # without this line: every account
minimum = { EUR = "10", USD = "10" }   # smaller invoices are counted, not shown
quiet_line = true                # one line on a day without failed invoices; false: nothing at all

# Roles are people. In Slack: the person's profile, Copy member ID.
[roles.lead]
users = ["U_YOUR_MEMBER"]

# A user group works, too. Remember that whoever may edit the group in Slack decides who is in it.
[roles.agent]
users = ["U_YOUR_MEMBER"]
usergroups = []                  # such as ["S_YOUR_GROUP"]

# Many attempts on one invoice in 30 days, ours and the provider's together. Visa charges fees beyond 15.
[attempts]
warn = 8                         # from here on the message says it, and Retry asks back
block = 15                       # from here on no retry; the payment link still works

# What a role may do. What no rule allows, nobody may do, not even look.
# Actions: view, link, pdf, retry, resend, void, uncollectible, finalize, paid, refresh: "*" means all of these.
# By name only: share, digest, freeze (stop everything at once), approve (see below), settle (say how a decision ended where
# the bot could not find out; never one of their own, so give it to two people at least).
[[allow]]
role = "lead"
actions = ["*", "share", "digest", "freeze"]

[[allow]]
role = "agent"
actions = ["view", "retry", "resend", "link", "pdf"]
up_to = { EUR = "500", USD = "500" }        # for one invoice; a currency not named here gives no right
per_day = { EUR = "5000", USD = "5000" }    # for one person in 24 hours
accounts = ["stripe"]                       # without this line: every account
# channels = ["C_YOUR_CHANNEL"]             # only there; without this line: every channel

# What one person asks for and another has to approve, with two buttons in a channel. Nobody approves their own request, so
# the role should have two people at least; and it needs the word approve above.
# [[approve]]
# actions = ["void", "uncollectible", "paid"]
# above = { EUR = "1000", USD = "1000" }    # without this line, and for other currencies: always
# by = "lead"
# channel = "C_YOUR_CHANNEL"
# expires = "24h"                           # then nothing is done; 90m and 2d work, too
"""


def write_example(path: Path) -> None:
    """A new file at `path`. Raises RecoupError, and changes nothing, where there is something already."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(EXAMPLE)
    except FileExistsError:
        raise RecoupError(
            f"{path} is there already, and stays as it is. For a fresh one: recoup init --path another.toml"
        ) from None
    except OSError as error:
        raise RecoupError(f"{path} cannot be written: {error.strerror}.") from None


def next_steps(path: Path, default: str) -> str:
    """`default` is where the bot looks by itself."""
    elsewhere = "" if str(path) == default else f"\n       export RECOUP_CONFIG={path}"
    return f"""\
{path} is written. Three steps from here:

  1. Make the Slack app.
       recoup manifest
     At api.slack.com/apps choose Create New App, From a manifest, and paste what that printed. Install it to your
     workspace. Then invite the bot into the channel of the digest: /invite @Recoup

  2. Put the ids of your channel and people into {path}, and the secrets into the environment:{elsewhere}
       export SLACK_BOT_TOKEN=xoxb-...   (OAuth & Permissions, Bot User OAuth Token)
       export SLACK_APP_TOKEN=xapp-...   (Basic Information, App-Level Tokens, with the scope connections:write)
       export RECOUP_ACCOUNTS__STRIPE__API_KEY=rk_test_...   (a restricted key of Stripe's test mode)
     Over HTTP instead of Socket Mode: `recoup manifest --url https://bot.example.com`, and SLACK_SIGNING_SECRET in place of
     SLACK_APP_TOKEN.

  3. Ask whether everything fits; it tells what to mend, and changes nothing.
       recoup doctor

Then `recoup run` starts the bot."""
