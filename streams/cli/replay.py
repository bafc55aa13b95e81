"""`sluicegate replay`: judge recorded events, or a journal, again."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any

import click

from streams.cli.running import FAILED, WRONG_USE, Failure, kafka_options, load_policy, run, settings_from

if TYPE_CHECKING:
    from connectors.kafka.clients import KafkaSettings
    from gates.decisions import Decision
    from gates.policy import Policy
    from streams.offline.replay import Replay

LINES_PER_STEP = 2_000


class Duration(click.ParamType):
    """A duration as policies write it, in milliseconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Milliseconds."""
        from gates.documents.quantities import parse_duration

        if isinstance(value, int):
            return value
        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.option("--policy", "policy_file", metavar="FILE", help="The policy to judge the events by.")
@click.option("--events", "events_file", metavar="FILE", help="Request events, one message value a line; - is stdin.")
@click.option("--journal", "from_journal", is_flag=True, help="Judge what is on gate-journal instead, to its end.")
@click.option("--rollout", "only", metavar="ID", help="With --journal: this rollout's decisions only.")
@click.option("--json", "as_json", is_flag=True, help="One decision a line, as on gate-decisions; nothing else.")
@click.option(
    "--acks",
    type=click.Choice(["auto", "none"]),
    default="auto",
    show_default=True,
    help="With --events: acknowledge each decision at once, or never.",
)
@click.option(
    "--out-of-orderness",
    type=Duration(),
    default="2s",
    show_default=True,
    help="With --events: how far events may come out of order; later ones are late.",
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

    The counting, the statistics and the gate are the worker's. With --events time is event time alone: the same input
    gives the same bytes. With --journal the decisions are those on gate-decisions, byte for byte.

    Exits with 0 whatever was decided, 1 if the policy has a fault, 2 if a file cannot be read.
    """
    if from_journal:
        if policy_file or events_file:
            raise click.UsageError("--journal has its policies and events in itself: leave out --policy and --events")
        from connectors.kafka.clients import KafkaSettings

        _print(_from_journal(settings_from(KafkaSettings, flags), only), as_json=as_json)
    elif policy_file and events_file:
        if policy_file == events_file == "-":
            raise click.UsageError("only one of --policy and --events can be standard input")
        from streams.journal import Timing

        timing = Timing(out_of_orderness=out_of_orderness)
        _replay_events(load_policy(policy_file), events_file, timing, acks=acks == "auto", as_json=as_json)
    else:
        raise click.UsageError("say --policy FILE and --events FILE, or --journal")


def _replay_events(policy: Policy, file: str, timing: Any, *, acks: bool, as_json: bool) -> None:
    from streams.offline.replay import Replay, decisions

    running = Replay(policy, timing=timing, acks=acks)
    with _opened(file) as (lines, has_bar):
        found: Iterable[Decision] = decisions(running.run(lines))
        if has_bar and sys.stdout.isatty():
            found = list(found)  # or the bar and the lines would be in each other's way
        else:
            _print(found, as_json=as_json)
    _print(found, as_json=as_json)  # those that were held back
    _sum_up(running, policy)


@contextlib.contextmanager
def _opened(file: str) -> Iterator[tuple[Iterable[bytes], bool]]:
    """The lines of a file, and whether a bar on standard error shows how far they were read."""
    try:
        opened: IO[bytes] = click.open_file(file, "rb")
        with opened:
            if file == "-" or not sys.stderr.isatty():
                yield opened, False
            else:
                with _bar(opened) as lines:
                    yield lines, True
    except OSError as error:
        raise Failure(f"{file}: cannot be read: {error.strerror or error}", WRONG_USE) from None


@contextlib.contextmanager
def _bar(opened: IO[bytes]) -> Iterator[Iterator[bytes]]:
    """The lines, while a bar shows how many of the bytes they were."""
    import os

    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("judging"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as progress:
        task = progress.add_task("", total=os.fstat(opened.fileno()).st_size)

        def lines() -> Iterator[bytes]:
            size = 0
            for number, line in enumerate(opened):
                size += len(line)
                if number % LINES_PER_STEP == 0:
                    progress.update(task, completed=size)
                yield line

        yield lines()


def _sum_up(running: Replay, policy: Policy) -> None:
    """How much was read, on standard error."""
    faults = ", ".join(f"{reason} {number:,}" for reason, number in running.faults.most_common())
    click.echo(
        f"{running.events:,} events for {policy.rollout}; {running.faults.total():,} faults"
        + (f" ({faults})" if faults else ""),
        err=True,
    )


def _from_journal(settings: KafkaSettings, only: str | None) -> list[Decision]:
    """The decisions that the journal holds, in order of event time; what is amiss with it goes to standard error."""
    from streams.offline.journal_replay import JournalReplay, read_journal

    found: JournalReplay = run(settings, read_journal(settings))
    for note in found.notes:
        click.echo(note, err=True)
    if only is not None and only not in found.rollouts:
        raise Failure(f"no rollout {only} in the journal; there: {', '.join(sorted(found.rollouts)) or 'none'}", FAILED)
    return [decision for decision in found.decisions if only in (None, decision.rollout)]


def _print(found: Iterable[Decision], *, as_json: bool) -> None:
    from streams.journal import encode_document
    from streams.views.timeline import decision_in_words

    for decision in found:
        document: Mapping[str, Any] = decision.document()
        click.echo(encode_document(document) if as_json else decision_in_words(document))
