"""`sluicegate rollout`: start, watch and steer rollouts."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from streams.cli.running import kafka_options, kafka_settings, load_policy, print_json, with_board

if TYPE_CHECKING:
    from streams.journal import ControlName
    from streams.operator_client.status_view import StatusView

T = TypeVar("T")

WAIT_SECONDS = 15.0
LATEST = 20


def _operator() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user id without a name, as in some containers
        return "unknown"


def _one_line(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """What is recorded: one line of text that can be printed, whatever the shell passed."""
    from streams.views.timeline import printable

    text = printable(" ".join(value.split()))
    if not text and parameter.name == "by":
        raise click.BadParameter("say who you are", context, parameter)
    return text


def order_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the flags of every order: why, by whom, how long to wait for what becomes of it."""
    for option in reversed(
        (
            click.option(
                "--reason", default="", callback=_one_line, metavar="TEXT", help="Why; recorded with the decision."
            ),
            click.option(
                "--by", default=_operator, callback=_one_line, show_default="you", metavar="NAME", help="Who orders it."
            ),
            click.option(
                "--wait/--no-wait",
                "waits",
                default=True,
                help="Wait for what becomes of the order (the default), or do not.",
            ),
            click.option(
                "--timeout",
                type=click.FloatRange(min=0.1),
                default=WAIT_SECONDS,
                metavar="SECONDS",
                help=f"How long to wait  [default: {WAIT_SECONDS:g}]",
            ),
        )
    ):
        command = option(command)
    return kafka_options(command)


@click.group()
def rollout() -> None:
    """Start, watch and steer rollouts.

    Every order is recorded with who gave it, when and why. An order exits with 0 if it was carried out, with 1 if it
    was refused or not answered in time.
    """


@rollout.command("start")
@click.argument("file")
@order_options
def start_(
    file: str,
    reason: str,
    by: str,
    waits: bool,
    timeout: float,
    **flags: str | None,
) -> None:
    """Start the rollout that the policy FILE describes (- is standard input), at its first stage.

    One that runs by another policy begins anew with this one, in its next epoch.
    """
    from streams.operator_client.orders import start

    policy = load_policy(file)
    settings = kafka_settings(flags)

    async def body(board: StatusView) -> Mapping[str, Any] | None:
        return await start(board, policy, by=by, reason=reason, wait_s=timeout if waits else None)

    _print_answer(with_board(settings, body, settings.topics.policies), f"{policy.rollout}: start is sent")


def _order_command(word: ControlName, text: str) -> click.Command:
    @click.argument("id_", metavar="ID")
    @order_options
    def command(
        id_: str,
        reason: str,
        by: str,
        waits: bool,
        timeout: float,
        **flags: str | None,
    ) -> None:
        from streams.operator_client.orders import order

        settings = kafka_settings(flags)

        async def body(board: StatusView) -> Mapping[str, Any] | None:
            return await order(board, id_, word, by=by, reason=reason, wait_s=timeout if waits else None)

        answer = with_board(settings, body, settings.topics.controls)
        if answer is not None and word == "approve":
            click.echo(f"{id_}: stage {answer['stage']} is approved by {by}")
        else:
            _print_answer(answer, f"{id_}: {word} is sent")

    return rollout.command(word, help=text)(command)


_order_command("pause", "Pause rollout ID: its weights stay, nothing advances; a failing check still rolls it back.")
_order_command("resume", "Let the paused rollout ID go on.")
_order_command("approve", "Approve the stage that rollout ID is at: it is left when all else is well, and not before.")
_order_command("rollback", "Roll rollout ID back: the candidate gets no traffic any more.")
_order_command("promote", "Promote rollout ID now: the candidate gets all traffic, whatever the checks say.")


@rollout.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array of statuses.")
@kafka_options
def list_(as_json: bool, **flags: str | None) -> None:
    """List all rollouts: phase, stage, weights, bake left, the last reason."""

    async def body(board: StatusView) -> list[Mapping[str, Any]]:
        return [board.statuses[name] for name in sorted(board.statuses)]

    statuses = with_board(kafka_settings(flags), body)
    if as_json:
        print_json(statuses)
    elif not statuses:
        click.echo("no rollout yet: start one with `sluicegate rollout start FILE`", err=True)
    else:
        from rich.console import Console

        from streams.views.rollout import rollouts_view

        Console().print(rollouts_view(statuses))


@rollout.command("show")
@click.argument("id_", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help='One JSON object: {"status": ..., "decisions": [...]}.')
@kafka_options
def show(id_: str, as_json: bool, **flags: str | None) -> None:
    """Show where rollout ID stands, with its latest decisions."""

    async def body(board: StatusView) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
        return board.status(id_), board.decisions(id_)[-LATEST:]

    status, decisions = with_board(kafka_settings(flags), body)
    if as_json:
        print_json({"status": status, "decisions": decisions})
        return
    from rich.console import Console

    from streams.clock import wall_ms
    from streams.views.rollout import rollout_view

    Console().print(rollout_view(status, decisions, wall_ms(), latest=LATEST))


@rollout.command("watch")
@click.argument("id_", metavar="ID")
@click.option("--plain", is_flag=True, help="A line per change instead of a live picture; so too without a terminal.")
@kafka_options
@click.pass_context
def watch(context: click.Context, /, id_: str, plain: bool, **flags: str | None) -> None:
    """Watch rollout ID live until it ends.

    Exits with 0 when it is promoted, 3 when it is rolled back, 130 on Ctrl-C.
    """
    from streams.views.watching import watch_live, watch_plainly

    async def body(board: StatusView) -> int:
        board.status(id_)
        plainly = plain or not sys.stdout.isatty()
        return await (watch_plainly if plainly else watch_live)(board, id_)

    context.exit(with_board(kafka_settings(flags), body))


def _print_answer(decision: Mapping[str, Any] | None, sent: str) -> None:
    if decision is None:
        click.echo(f"{sent}; `sluicegate rollout list` shows what becomes of it")
        return
    from streams.views.timeline import decision_in_words

    click.echo(f"{decision['id']}  {decision_in_words(decision)}")
