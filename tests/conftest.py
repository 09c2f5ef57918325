"""For all tests: nothing that they make the bot log may be a secret or personal."""

pytest_plugins = ("tests.log_scanner",)
