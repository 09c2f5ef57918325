"""`recoup doctor`: reads everything that the bot will need, changes nothing, and says what to mend."""
