"""Tests of the views: pure functions, judged by Slack's rules and by reading them."""
