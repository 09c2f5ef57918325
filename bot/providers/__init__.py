"""The billing systems: one module each, all HTTP in `bot.providers.http`."""
