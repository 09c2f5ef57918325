"""Everything Slack can do with Recoup: the table of contents of its listeners."""
