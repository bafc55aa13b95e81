"""The generator of docs/topics.md: the page, the fields of its tables, and an example of every message."""
