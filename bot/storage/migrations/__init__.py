"""Alembic's home: `env.py`, the template of a new revision, and the revisions."""
