"""The core of Recoup and its outbound side. Read `bot.ports` first."""
