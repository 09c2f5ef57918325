"""The stores, promise by promise, on SQLite and on a real PostgreSQL."""
