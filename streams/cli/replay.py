"""`sluicegate replay`: judge recorded events, or a journal, again."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING

import click
from click.core import ParameterSource

from streams.cli.configuration import kafka_options, kafka_settings
from streams.cli.connection import run_with_kafka
from streams.cli.failures import FAILED, Failure, unreadable
from streams.cli.output import print_json
from streams.cli.parameters import DurationParameter
from streams.cli.policy_file import load_policy
from streams.cli.progress import reading_bar

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping

    from gates.decisions import Decision
    from gates.policy import Policy
    from streams.journal import Timing


@click.command()
@click.option("--policy", "policy_file", metavar="FILE", help="The policy that judges the events.")
@click.option("--events", "events_file", metavar="FILE", help="Request events, one message value per line; - is stdin.")
@click.option("--journal", "from_journal", is_flag=True, help="Judge what is on gate-journal instead, up to its end.")
@click.option("--rollout", "only", metavar="ID", help="With --journal: this rollout's decisions only.")
@click.option("--json", "as_json", is_flag=True, help="Print one decision per line, as on gate-decisions.")
@click.option(
    "--acks",
    type=click.Choice(["auto", "none"]),
    default="auto",
    show_default=True,
    help="With --events: acknowledge each decision at once, or never.",
)
@click.option(
    "--out-of-orderness",
    type=DurationParameter(),
    default="2s",
    show_default=True,
    help="With --events: events that are out of order by more than this are late.",
)
@kafka_options
def replay(
    policy_file: str | None,
    events_file: str | None,
    from_journal: bool,
    only: str | None,
    as_json: bool,
    acks: str,
    out_of_orderness: int,
    **flags: str | None,
) -> None:
    """Judge recorded events, or the journal of live rollouts, again and print the decisions.

    Counting, statistics and gate are those of the worker. With --events only the times in the file count, so the same
    input gives the same bytes; a line may begin with its record's time, as CreateTime:MILLISECONDS and a tab, which
    decides as in a worker which events are late or too far ahead. With --journal the decisions are those on
    gate-decisions, byte for byte.

    Exits with 0 whatever was decided, 1 if the policy has a fault, 2 if a file cannot be read.
    """
    _refuse_flags_of_the_other_mode(from_journal=from_journal)
    if from_journal:
        if policy_file or events_file:
            raise click.UsageError("the journal holds policies and events: omit --policy and --events with --journal")
        _print_decisions(_journal_decisions(flags, only), as_json=as_json)
    elif policy_file and events_file:
        if policy_file == events_file == "-":
            raise click.UsageError("only one of --policy and --events can be standard input")
        from streams.journal import Timing

        timing = Timing(out_of_orderness=out_of_orderness)
        _replay_events(load_policy(policy_file), events_file, timing, acks=acks == "auto", as_json=as_json)
    else:
        raise click.UsageError("give --policy FILE and --events FILE, or --journal")


OF_EVENTS, OF_JOURNAL = ("acks", "out_of_orderness"), ("only", "bootstrap", "topic_prefix")
"""The parameters that one mode has and the other ignores."""


def _refuse_flags_of_the_other_mode(*, from_journal: bool) -> None:
    """A flag without effect was meant to have one: the result would be taken for what it is not."""
    context = click.get_current_context()
    given = {
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name in (OF_EVENTS if from_journal else OF_JOURNAL)
        and context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
    }
    if given:
        mode, other = ("--journal", "--events") if from_journal else ("--events", "--journal")
        raise click.UsageError(f"{' and '.join(sorted(given))}: has an effect with {other} only; omit it with {mode}")


def _replay_events(policy: Policy, file: str, timing: Timing, *, acks: bool, as_json: bool) -> None:
    from streams.offline.replay import Replay, distinct_decisions

    running = Replay(policy, timing=timing, acks=acks)
    with _open_lines(file) as (lines, has_bar):
        found: Iterable[Decision] = distinct_decisions(running.run(lines))
        if has_bar and sys.stdout.isatty():
            found = list(found)  # printed below, once the bar is gone: on one terminal they would overwrite each other
        else:
            _print_decisions(found, as_json=as_json)
    _print_decisions(found, as_json=as_json)
    _print_totals(policy.rollout, running.source.rollouts, running.source.faults)


@contextlib.contextmanager
def _open_lines(file: str) -> Iterator[tuple[Iterable[bytes], bool]]:
    """The lines of a file, and whether a bar on standard error shows how far they are read."""
    try:
        opened: IO[bytes] = click.open_file(file, "rb")
        with opened:
            if file == "-" or not sys.stderr.isatty():
                yield opened, False
            else:
                with reading_bar("judging", opened) as lines:
                    yield lines, True
    except BrokenPipeError:
        raise  # of the output, as with `| head`: the events were readable
    except OSError as error:
        raise unreadable(file, error) from None


def _print_totals(rollout: str, events: Counter[str], faults: Mapping[str, int]) -> None:
    from streams.views.wording import counted, printable, similar

    by_number = sorted(faults.items(), key=lambda one: -one[1])
    reasons = ", ".join(f"{reason} {number:,}" for reason, number in by_number)
    total = counted(sum(faults.values()), "fault") + (f" ({reasons})" if reasons else "")
    others = {name: number for name, number in events.items() if name != rollout}
    elsewhere = f", {sum(others.values()):,} of other rollouts ({similar(rollout, sorted(others))})" if others else ""
    click.echo(f"{counted(events[rollout], 'event')} for {printable(rollout)}{elsewhere}; {total}", err=True)


def _journal_decisions(flags: Mapping[str, object], only: str | None) -> list[Decision]:
    """The decisions that the journal holds, by event time; notes on the journal go to standard error."""
    from streams.offline.journal_replay import read_journal

    settings = kafka_settings(flags)
    found = run_with_kafka(settings, read_journal(settings))
    for note in found.notes:
        click.echo(note, err=True)
    if only is not None and only not in found.rollouts:
        known = ", ".join(sorted(found.rollouts)) or "none"
        raise Failure(f"no rollout {only} in the journal; known: {known}", FAILED)
    return [decision for decision in found.decisions if only in (None, decision.rollout)]


def _print_decisions(found: Iterable[Decision], *, as_json: bool) -> None:
    from streams.views.timeline import decision_line

    for decision in found:
        if as_json:
            print_json(decision.document())
        else:
            click.echo(decision_line(decision.document()))
