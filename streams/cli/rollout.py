"""`sluicegate rollout`: start, watch and control rollouts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

from streams.cli.configuration import kafka_options, kafka_settings
from streams.cli.connection import with_status_view
from streams.cli.failures import UNCONFIRMED, Failure
from streams.cli.freezing import freeze, unfreeze
from streams.cli.order_options import order_options
from streams.cli.output import print_json, print_view
from streams.cli.policy_file import load_policy

if TYPE_CHECKING:
    from streams.journal import ControlName
    from streams.operator_client.status_view import StatusView

MOVING = ("advance", "rollback", "promote")
"""Orders that move traffic: they are done only once actuators have confirmed the weights."""

LATEST = 20


@click.group()
def rollout() -> None:
    """Start, watch and control rollouts.

    Every order is recorded with its operator, its time and its reason. An order exits with 0 once the gate has accepted
    it, with 1 if it was refused or not answered in time. `advance`, `rollback` and `promote` also wait until actuators
    have confirmed the weights, and exit with 6 if they do not within --timeout: the order is decided, and sent again
    until it is confirmed. With --no-wait an order exits with 0 once it is recorded.
    """


def _override_freeze(command: Callable[..., Any]) -> Callable[..., Any]:
    text = "Carry it out while the rollout is frozen; the decision records the freeze."
    return click.option("--override-freeze", is_flag=True, help=text)(command)


@rollout.command("start")
@click.argument("file")
@click.option("--yes", "confirmed", is_flag=True, help="Start even if that takes traffic from a promoted candidate.")
@click.option("--replace", is_flag=True, help="Start even if owner or cohorts differ from those of the same name.")
@_override_freeze
@order_options
def start_(
    file: str,
    confirmed: bool,
    replace: bool,
    override_freeze: bool,
    reason: str,
    by: str,
    waits: bool,
    timeout: float,
    **flags: str | None,
) -> None:
    """Start the rollout of the policy FILE (- is standard input) at its first stage.

    A rollout that runs with another policy is started again with this one, in its next epoch. A policy with another
    owner or other cohorts needs --replace, and one that takes traffic from a promoted candidate needs --yes. Exits
    with 0 once the rollout has started; `rollout watch` shows when actuators have confirmed its first weights.
    """
    from streams.operator_client.orders import Insistence, moved_by, start

    policy = load_policy(file)
    settings = kafka_settings(flags)

    async def body(view: StatusView) -> Mapping[str, Any] | None:
        if confirmed and (moved := moved_by(view, policy)):
            click.echo(moved, err=True)
        insists = Insistence(confirmed=confirmed, replace=replace, override_freeze=override_freeze)
        return await start(view, policy, by=by, reason=reason, wait_s=timeout if waits else None, insists=insists)

    answer = with_status_view(settings, body, settings.topics.policies)
    _print_answer(answer, f"{policy.rollout}: start was sent")


def _confirm(command: Callable[..., Any]) -> Callable[..., Any]:
    text = "Roll back even if the rollout was promoted more than an hour ago."
    return click.option("--confirm", "confirmed", is_flag=True, help=text)(command)


def _add_order(
    name: ControlName, text: str, *options: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> click.Command:
    def command(
        id_: str,
        reason: str,
        by: str,
        waits: bool,
        timeout: float,
        confirmed: bool = False,
        override_freeze: bool = False,
        **flags: str | None,
    ) -> None:
        from streams.cli.confirming import require_confirmation
        from streams.operator_client.orders import Insistence, order

        settings = kafka_settings(flags)

        async def body(view: StatusView) -> None:
            began = monotonic()
            wait_s = timeout if waits else None
            insists = Insistence(confirmed=confirmed, override_freeze=override_freeze)
            answer = await order(view, id_, name, by=by, reason=reason, wait_s=wait_s, insists=insists)
            if answer is not None and name == "approve":
                click.echo(f"{id_}: stage {answer['stage']} was approved by {by}")
            else:
                _print_answer(answer, f"{id_}: {name} was sent")
            if answer is not None and name in MOVING:
                await require_confirmation(view, answer, timeout - (monotonic() - began))

        with_status_view(settings, body, settings.topics.controls)

    decorated: Callable[..., Any] = order_options(command)
    for option in options:
        decorated = option(decorated)
    return rollout.command(name, help=text)(click.argument("id_", metavar="ID")(decorated))


_add_order("pause", "Pause rollout ID: its weights stay and it does not advance; a failing check still rolls it back.")
_add_order("resume", "Resume the paused rollout ID.")
_add_order("approve", "Approve the current stage of rollout ID. The stage still ends only when every check passes.")
_add_order(
    "advance",
    "Leave the current stage of rollout ID by hand, whatever its checks show: one stage, never more. The decision "
    "records what this overrides. Refused at the last stage: use promote. Exits with 0 once actuators have confirmed "
    "it, with 6 if they do not.",
    _override_freeze,
)
_add_order(
    "rollback",
    "Roll back rollout ID: the candidate gets no traffic. A rollout that was promoted more than an hour ago is rolled "
    "back only with --confirm. Exits with 0 once actuators have confirmed it, with 6 if they do not.",
    _confirm,
)
_add_order(
    "promote",
    "Promote rollout ID now: the candidate gets all traffic, whatever the verdicts are. Exits with 0 once actuators "
    "have confirmed it, with 6 if they do not.",
    _override_freeze,
)


@rollout.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array of statuses.")
@kafka_options
def list_(as_json: bool, **flags: str | None) -> None:
    """List all rollouts: phase, stage, ordered weights and whether they are confirmed, bake left, the last reason.

    A rollout that has not been judged for twice as long as usual (16 s by default) is shown with the time since then:
    its phase is the last known one.
    """

    async def body(view: StatusView) -> list[Mapping[str, Any]]:
        return [view.statuses[name] for name in sorted(view.statuses)]

    statuses = with_status_view(kafka_settings(flags), body)
    if as_json:
        print_json(statuses)
    elif not statuses:
        click.echo("no rollout yet: start one with `sluicegate rollout start FILE`", err=True)
    else:
        from streams.clock import wall_ms
        from streams.views.rollout import rollouts_table

        print_view(rollouts_table(statuses, wall_ms()))


@rollout.command("show")
@click.argument("id_", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help='Print one JSON object: {"status": ..., "decisions": [...]}.')
@kafka_options
def show(id_: str, as_json: bool, **flags: str | None) -> None:
    """Show the status of rollout ID and its latest decisions.

    `ordered` is the newest order of weights, with who confirmed it and who failed; `in force` is an order that is
    confirmed. docs/screens.md has examples.
    """

    async def body(view: StatusView) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
        return view.status(id_), view.decisions(id_)[-LATEST:]

    status, decisions = with_status_view(kafka_settings(flags), body)
    if as_json:
        print_json({"status": status, "decisions": decisions})
        return
    from streams.clock import wall_ms
    from streams.views.rollout import rollout_view

    print_view(rollout_view(status, decisions, wall_ms(), latest=LATEST))


@rollout.command("watch")
@click.argument("id_", metavar="ID")
@click.option("--plain", is_flag=True, help="Print a line per change; the default without a terminal.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    metavar="SECONDS",
    help="How long to wait for the confirmation of the end  [default: until all tries of the order are used up]",
)
@kafka_options
@click.pass_context
def watch(context: click.Context, /, id_: str, plain: bool, timeout: float | None, **flags: str | None) -> None:
    """Watch rollout ID live until its end is confirmed by actuators.

    Exits with 0 when it is promoted and confirmed, 3 when it is rolled back and confirmed, 6 when its end is decided
    and not confirmed: actual weights are then unknown. Exits with 130 on Ctrl-C.
    """
    from streams.cli.confirming import WatchedEnd, unconfirmed_end
    from streams.cli.watching import watch_lines, watch_live

    async def body(view: StatusView) -> int:
        view.status(id_)
        lines = plain or not sys.stdout.isatty()
        code = await (watch_lines if lines else watch_live)(view, id_, WatchedEnd(timeout))
        if code == UNCONFIRMED:
            raise Failure(unconfirmed_end(view.status(id_)), UNCONFIRMED)
        return code

    context.exit(with_status_view(kafka_settings(flags), body))


rollout.add_command(freeze)
rollout.add_command(unfreeze)


def _print_answer(decision: Mapping[str, Any] | None, sent: str) -> None:
    if decision is None:
        click.echo(f"{sent}; `sluicegate rollout list` shows its effect")
        return
    from streams.views.timeline import decision_line

    click.echo(f"{decision['id']}  {decision_line(decision)}")
