"""Pure functions: domain content in, Slack blocks out."""
