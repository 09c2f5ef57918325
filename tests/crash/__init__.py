"""The crash proof: a process killed at every suspension point of its work, started again, and judged from outside."""
