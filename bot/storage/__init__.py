"""The journal, the outbox and the digest log on SQLAlchemy Core: SQLite by default, PostgreSQL by URL."""
