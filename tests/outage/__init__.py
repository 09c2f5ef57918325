"""The outage proof: a network that breaks on purpose between the unchanged bot and everything that it talks to."""
