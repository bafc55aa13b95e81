"""`sluicegate backtest`: what a policy would have decided on recorded rollouts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streams.cli.configuration import kafka_options, kafka_settings
from streams.cli.connection import run_with_kafka
from streams.cli.failures import FAILED, Failure, unreadable
from streams.cli.output import print_json, print_lines
from streams.cli.policy_file import load_policy
from streams.cli.progress import activity

if TYPE_CHECKING:
    from gates.policy import Policy
    from streams.offline.backtest.comparison import BacktestComparison
    from streams.offline.backtest.recordings import Recording


@click.command()
@click.option("--policy", "policy_file", metavar="FILE", required=True, help="The policy; - is standard input.")
@click.option("--journal", "from_journal", is_flag=True, help="Judge the rollouts recorded on gate-journal.")
@click.option("--events", multiple=True, metavar="DIR|FILE...", help="Recorded request events (in folders: *.ndjson).")
@click.argument("more", nargs=-1, metavar="")
@click.option("--against", metavar="FILE", help="With --events: the policy to compare with.")
@click.option("--rollout", "only", metavar="ID", help="This rollout only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document: decisions of both sides, summaries.")
@kafka_options
def backtest(
    policy_file: str,
    from_journal: bool,
    events: tuple[str, ...],
    more: tuple[str, ...],
    against: str | None,
    only: str | None,
    as_json: bool,
    **flags: str | None,
) -> None:
    """Show what a policy would have decided on recorded rollouts, beside what was decided.

    With --journal the policy judges each recorded start again, with the recorded traffic, orders and clocks. With
    --events the policy judges the rollouts in the files and, with --against, so does the other policy. The traffic
    stays split as recorded, whatever the policy would have ordered.

    Exits with 0 whatever would have been decided, 1 if a policy has a fault or nothing could be judged, 2 if a file
    cannot be read.
    """
    if from_journal == bool(events):
        raise click.UsageError("give either --journal or --events DIR|FILE...")
    if from_journal and (against or more):
        raise click.UsageError("--journal compares with the recorded decisions: omit --against and files")
    if policy_file == against == "-":
        raise click.UsageError("only one of --policy and --against can be standard input")
    policy = load_policy(policy_file)
    if from_journal:
        found = _from_journal(policy, flags, only)
    else:
        old = None if against is None else load_policy(against)
        found = _from_events(policy, old, [Path(each) for each in (*events, *more)], only)
    if not found:
        raise Failure("this policy could judge no recorded rollout", FAILED)
    sides = ("recorded", "would have been") if against is None else (f"by {against}", f"by {policy_file}")
    _print(policy, found, sides, as_json=as_json)


def _print(policy: Policy, found: Sequence[BacktestComparison], sides: tuple[str, str], *, as_json: bool) -> None:
    from streams.offline.backtest.comparison import LIMITS
    from streams.views.backtest import backtest_lines, backtest_total

    if as_json:
        print_json({"policy_hash": policy.hash, "limits": LIMITS, "rollouts": [each.document() for each in found]})
        return
    for each in found:
        print_lines([*backtest_lines(each, sides), ""])
    click.echo(backtest_total(found))
    if any(each.divergence is not None for each in found):
        click.echo(LIMITS)


def _note(text: str) -> None:
    from streams.views.wording import printable

    click.echo(printable(text), err=True)


def _from_journal(policy: Policy, flags: Mapping[str, object], only: str | None) -> list[BacktestComparison]:
    from streams.offline.backtest.comparison import BacktestComparison
    from streams.offline.backtest.journal import read_backtest

    settings = kafka_settings(flags)
    with activity() as show:
        show(f"reading {settings.topics.journal}")
        found = run_with_kafka(settings, read_backtest(settings, policy, only))
    for note in found.notes:
        _note(note)
    _check_rollout(only, found.rollouts, "journal")
    for (rollout, epoch), why in found.not_judged.items():
        _note(f"{rollout}, epoch {epoch}: not judged: {why}")
    return [
        BacktestComparison(rollout, f"epoch {number}", list(epoch.recorded.values()), list(epoch.instead.values()))
        for (rollout, number), epoch in sorted(found.epochs.items())
        if epoch.instead
    ]


def _from_events(
    policy: Policy, old: Policy | None, paths: Sequence[Path], only: str | None
) -> list[BacktestComparison]:
    from streams.offline.backtest.recordings import event_files, read_recording

    found: list[BacktestComparison] = []
    rollouts: set[str] = set()
    try:
        files = list(event_files(paths))
        for number, file in enumerate(files, 1):
            with activity() as show:
                show(f"judging {file} ({number} of {len(files)})")
                recording = read_recording(file)
                rollouts.update(recording.cohorts)
                found += _judged(recording, policy, old, only)
    except OSError as error:
        raise unreadable(error.filename, error) from None
    _check_rollout(only, rollouts, "files")
    return found


def _check_rollout(only: str | None, rollouts: Collection[str], place: str) -> None:
    if only is not None and only not in rollouts:
        raise Failure(f"no rollout {only} in the {place}; known: {', '.join(sorted(rollouts)) or 'none'}", FAILED)


def _judged(recording: Recording, policy: Policy, old: Policy | None, only: str | None) -> Iterator[BacktestComparison]:
    from streams.offline.backtest.comparison import BacktestComparison
    from streams.offline.backtest.recordings import why_not_judged
    from streams.views.wording import printable

    if recording.faults:
        reasons = ", ".join(f"{reason} {number:,}" for reason, number in recording.faults.most_common())
        _note(f"{recording.file}: lines that are not events: {reasons}")
    if not recording.cohorts:
        _note(f"{recording.file}: holds no events")
    for rollout, cohorts in recording.cohorts.items():
        if only not in (None, rollout):
            continue
        if why := "; ".join(filter(None, (why_not_judged(each, rollout, cohorts) for each in (policy, old) if each))):
            _note(f"{rollout} in {recording.file}: not judged: {why}")
            continue
        before = None if old is None else recording.decisions_by(old, rollout)
        yield BacktestComparison(rollout, printable(recording.file), before, recording.decisions_by(policy, rollout))
