"""Three real processes on one PostgreSQL, killed, stopped and restarted under load."""
