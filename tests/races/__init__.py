"""Two processes at the same moment: who wins is decided by the database, once."""
