"""The command `sluicegate`: one table of subcommands, each imported only when it is called."""

from __future__ import annotations

import importlib
import sys

import click

from streams import __version__

COMMANDS = {
    "demo": "Watch a bad canary being caught and rolled back.",
    "worker": "Run the gate: ingest, judge, sequencer and audit.",
    "rollout": "Start, watch and steer rollouts.",
    "why": "Say why something was decided: plain words, then the evidence.",
    "why-not": "Say what a rollout still lacks to advance.",
    "actuate": "Obey decisions: carry the wanted weights to where traffic is split.",
    "validate": "Check policy files.",
    "policy": "Help with writing policies.",
    "plan": "See what a policy will be able to see at your traffic.",
    "test": "Run tests of policies.",
    "backtest": "See what a policy would have decided on recorded rollouts.",
    "simulate": "Try a policy on simulated traffic, many times over.",
    "events": "Look at request events.",
    "replay": "Judge recorded events or a journal again.",
    "dlq": "Look at dead letters, and send them once more.",
    "audit": "Check and export the audit log.",
    "topics": "Create and list the topics.",
    "keys": "Make keys that sign what is said.",
    "token": "Make the token that a worker's /metrics asks for.",
    "settings": "List the SLUICEGATE_* variables.",
}
"""Name and one line of help, in the order of the help; `streams.cli.NAME` has the command NAME, with _ for -."""

INTERRUPTED = 130  # as shells say it of a program that Ctrl-C ended


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, so that help and completion are quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, imported now."""
        if cmd_name not in COMMANDS:
            return None
        word = cmd_name.replace("-", "_")
        command = getattr(importlib.import_module(f"streams.cli.{word}"), word)
        if not isinstance(command, click.Command):
            raise TypeError(f"streams.cli.{word}.{word} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sluicegate")
def sluicegate() -> None:
    """The gate for phased rollouts: reads request events from Kafka, decides, and says why.

    Kafka is where SLUICEGATE_BOOTSTRAP says, localhost:9092 if it says nothing.
    """


def main() -> None:
    """Run the command line; errors that a user can mend are one line on standard error."""
    try:
        code = sluicegate.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    sys.exit(code if isinstance(code, int) else 0)
