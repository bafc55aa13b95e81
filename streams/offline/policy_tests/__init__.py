"""Tests of policies: a policy, traffic, and the decisions that must follow. Only `folders` reads files."""
