"""The command `sluicegate`: one table of subcommands, each imported only when it is called."""

from __future__ import annotations

import importlib
import sys

from streams.cli.sigterm import end_on_lost_sigterm, end_on_sigterm

end_on_lost_sigterm()  # before anything that takes long to import

import click  # noqa: E402

from streams import __version__  # noqa: E402

COMMANDS = {
    "demo": "Watch a bad canary being detected and rolled back.",
    "worker": "Run the gate: ingest, judge, sequencer and audit.",
    "rollout": "Start, watch and control rollouts.",
    "why": "Explain a decision: a summary, then the evidence.",
    "why-not": "List what a rollout still needs to advance.",
    "actuate": "Carry out decisions where traffic is split.",
    "validate": "Check policy files.",
    "policy": "Help with writing policies.",
    "plan": "Estimate what a policy can detect at your traffic.",
    "test": "Run policy tests.",
    "backtest": "Show what a policy would have decided on recorded rollouts.",
    "simulate": "Try a policy on simulated traffic, many times.",
    "events": "Check request events.",
    "replay": "Judge recorded events or a journal again.",
    "dlq": "List dead letters and send them again.",
    "audit": "Verify and export the audit log.",
    "topics": "Create and list the topics.",
    "keys": "Generate keys that sign orders, decisions and acks.",
    "token": "Generate the bearer token of a worker's /metrics.",
    "settings": "List the SLUICEGATE_* variables.",
}
"""Name and one line of help, in the order of the help; module `streams.cli.NAME` has command NAME, with _ for -."""

INTERRUPTED = 130  # the exit code that shells report for a program ended by Ctrl-C


class LazyGroup(click.Group):
    """A group that imports a command only when it is called.

    The help and the completion must be quick: importing every command would load Faust, numpy and pydantic first.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, imported now."""
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command = getattr(importlib.import_module(f"streams.cli.{name}"), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"streams.cli.{name}.{name} is not a click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sluicegate")
def sluicegate() -> None:
    """The gate for phased rollouts: reads request events from Kafka, decides, and records the reasons.

    SLUICEGATE_BOOTSTRAP is the address of Kafka (default: localhost:9092).
    """


def main() -> None:
    """Run the command line; an error that a user can correct is one line on standard error."""
    end_on_sigterm()
    try:
        code = sluicegate.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    sys.exit(code if isinstance(code, int) else 0)
