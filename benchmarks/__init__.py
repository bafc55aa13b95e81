"""Measurements of the project, each a package with a Makefile target of its own."""
