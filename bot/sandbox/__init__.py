"""A local Slack and fake providers to try the bot against; shares no code with what it stands in for."""
