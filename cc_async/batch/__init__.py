"""MANY requests, one answer: splitting, fan-out and merging."""
