"""Use cases: what happens between a press and its ending, told in domain words."""
