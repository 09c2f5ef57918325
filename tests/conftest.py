"""For all tests: what the bot logs is nothing secret or personal, and no example is too slow for a busy machine."""

from hypothesis import settings

pytest_plugins = ("tests.log_scanner",)

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
