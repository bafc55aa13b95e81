"""The command line: `main` has the table of commands, each other module is a command or what commands share."""

from streams.cli.main import main

__all__ = ["main"]
