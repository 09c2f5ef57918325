"""The proof that nothing sent from outside makes the bot fall over or tell a false ending."""
