"""The sandbox in a real browser; run by `make browser`, as it needs a Chromium."""
