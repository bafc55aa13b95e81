"""Snapshots of the judge: a fold that is restored from JSON at any point continues with the same outputs."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import cast

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gates.decisions import Action, Decision
from gates.panes import Cell
from streams.cells import CELL_MS, CellRecord, SourcePartition
from streams.journal import Partial, Progress, Record, SourceProgress
from streams.judge.fold import Fold
from streams.judge.join import Join
from streams.judge.outputs import FoldOutput, RolloutStatus, WorkerSettings
from streams.judge.snapshots import snapshot
from streams.judge.sources import SourceHole
from streams.judge.watermarks import FURTHEST_MS
from tests.properties.hand import a_policy
from tests.properties.journals import ROLLOUT, T0, Episode, Script, a_start, play, published, scripts
from tests.streams.judge.restarts import marks_bytes, reloaded, reloaded_rollout, restored, rollout_bytes

SOURCE = SourcePartition("other", 0)
EXAMPLES = int(os.environ.get("SLUICEGATE_EXAMPLES", "3"))


def folded(fold: Fold, records: list[Record], first: int) -> list[FoldOutput]:
    """Fold records from offset `first` on."""
    return [outcome for at, record in enumerate(records, start=first) for outcome in fold.apply(record, at)]


@settings(max_examples=EXAMPLES, deadline=None)
@given(scripts(), st.lists(st.floats(0.0, 1.0), min_size=1, max_size=3))
def test_snapshots_change_nothing(script: Script, cuts: list[float]) -> None:
    """Snapshot and restart at any points of the journal: the same bytes out, and the same state in the end."""
    records = [step.record for step in play(script)]
    straight, restarted = Fold(0), Fold(0)
    expected = folded(straight, records, 0)
    found: list[FoldOutput] = []
    at = 0
    for cut in sorted(round(share * len(records)) for share in cuts):
        found += folded(restarted, records[at:cut], at)
        restarted, at = reloaded(restarted), cut
    found += folded(restarted, records[at:], at)
    assert published(found) == published(expected)
    assert found == expected
    assert rollout_bytes(restarted.rollouts[ROLLOUT]) == rollout_bytes(straight.rollouts[ROLLOUT])
    assert marks_bytes(restarted.marks) == marks_bytes(straight.marks)


@settings(max_examples=6, deadline=None)
@given(scripts())
def test_a_restart_after_every_record_changes_nothing(script: Script) -> None:
    """A judge that restarts all the time, silences and pending orders in between, publishes the same bytes."""
    script = replace(script, episodes=(*script.episodes[:3], Episode(9, requests=(0, 40)), Episode(6)))
    records = [step.record for step in play(script)]
    fold, found = Fold(0), []
    for at, record in enumerate(records):
        fold = reloaded(fold)
        found += fold.apply(record, at)
    assert published(found) == published(folded(Fold(0), records, 0))


@settings(max_examples=EXAMPLES, deadline=None)
@given(scripts(), st.floats(0.0, 1.0))
def test_a_snapshot_of_a_snapshot_is_the_same(script: Script, share: float) -> None:
    """What is loaded dumps to the very bytes it was loaded from."""
    records = [step.record for step in play(script)]
    fold = Fold(0)
    folded(fold, records[: round(share * len(records))], 0)
    for rollout in fold.rollouts.values():
        assert rollout_bytes(reloaded_rollout(rollout)) == rollout_bytes(rollout)


@settings(max_examples=EXAMPLES, deadline=None)
@given(scripts(), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_inputs_a_snapshot_holds_are_skipped(script: Script, share: float, back: float) -> None:
    """Reading the journal from before the snapshot repeats no output: inputs already folded are skipped."""
    records = [step.record for step in play(script)]
    cut = round(share * len(records))
    first = round(back * cut)
    straight, before = Fold(0), Fold(0)
    folded(straight, records[:cut], 0)
    expected = folded(straight, records[cut:], cut)
    folded(before, records[:first], 0)
    restarted = reloaded(before)
    marks_then = Fold(0)
    folded(marks_then, records[:cut], 0)
    restarted.rollouts = reloaded(marks_then).rollouts
    for rollout in restarted.rollouts.values():
        rollout.snapshot_offset = cut - 1
    assert published(folded(restarted, records[first:cut], first)) == []
    assert published(folded(restarted, records[cut:], cut)) == published(expected)


@settings(max_examples=EXAMPLES, deadline=None)
@given(scripts())
def test_a_partial_alone_judges_nothing(script: Script) -> None:
    """A partial decides nothing by itself: decisions come with progress, or with an order."""
    for step in play(script):
        if isinstance(step.record, Partial):
            assert step.decisions == []


@settings(max_examples=EXAMPLES, deadline=None)
@given(scripts(), st.sampled_from([0.1, 0.4]), st.randoms(use_true_random=False))
def test_a_judge_that_dies_recovers_from_its_snapshots(script: Script, often: float, rng: Random) -> None:
    """Snapshots now and then, of what changed alone; deaths now and then: no decision is lost, none is another."""
    deaths = 10

    def dies() -> bool:
        nonlocal deaths
        found = deaths > 0 and rng.random() < 0.1
        deaths -= found
        return found

    recovers(script, lambda: rng.random() < often, dies)


@settings(max_examples=EXAMPLES, deadline=None)
@given(scripts())
def test_a_judge_that_dies_after_each_snapshot_recovers(script: Script) -> None:
    """The end of a rollout is in the snapshots as soon as it is decided."""
    recovers(script, lambda: True, lambda: True)


def recovers(script: Script, snapshots: Callable[[], bool], dies: Callable[[], bool]) -> None:
    """Fold the script with snapshots and deaths as these functions decide; what is decided is what one fold decides."""
    records = [step.record for step in play(script)]
    topic: list[tuple[bytes, bytes | None]] = []
    fold, at, found = Fold(0), 0, []
    while at < len(records):
        found += fold.apply(records[at], at)
        if snapshots():
            topic += snapshot(fold)
        if dies():
            fold = restored(0, topic)
            at = fold.offset
        at += 1
    assert decided(found) == decided(folded(Fold(0), records, 0))


def decided(outcomes: list[FoldOutput]) -> dict[str, bytes]:
    """Decisions by id, in order of their first appearance; two of one id are the same to the byte."""
    known: dict[str, bytes] = {}
    for outcome in outcomes:
        if isinstance(outcome, Decision):
            value = orjson.dumps(outcome.document())
            assert known.setdefault(outcome.id, value) == value
    return known


def refusing(upto: int, refused: dict[str, int], cohorts: tuple[str, ...] = ()) -> Partial:
    """Return a version of a chunk with cells of these cohorts and without room for other requests."""
    cells = [CellRecord.of(cohort, T0, Cell()) for cohort in cohorts]
    return Partial(rollout=ROLLOUT, source=SOURCE, start=0, upto=upto, final=False, cells=cells, refused=refused)


def test_refused_requests_wait_for_the_next_pane() -> None:
    """Those of a cohort count for it; those under no name, for each cohort that the version does not name."""
    fold = Fold(0)
    fold.apply(a_start(a_policy()), 0)
    fold.apply(refusing(3, {"canary": 2}), 1)
    fold.apply(refusing(3, {"canary": 2}), 2)
    assert fold.rollouts[ROLLOUT].refused == {"canary": 2}
    fold.apply(refusing(9, {"canary": 5, "": 4, "x": 1}, ("x",)), 3)
    assert fold.rollouts[ROLLOUT].refused == {"canary": 5, "stable": 4}
    restarted = reloaded(fold)
    assert restarted.rollouts[ROLLOUT].refused == {"canary": 5, "stable": 4}
    assert restarted.apply(refusing(12, {"canary": 5, "": 6, "x": 1}, ("stable",)), 4) == []
    assert restarted.rollouts[ROLLOUT].refused == {"canary": 5, "stable": 4}
    fold.apply(a_start(a_policy(owner="other"), offset=4), 5)
    assert fold.rollouts[ROLLOUT].refused == {}


def test_a_pause_is_timed_without_telemetry() -> None:
    """No source reports any more: that pages once, and the reminders and the deadline come all the same.

    A judge that restarts meanwhile publishes the same, because the times are in the journal and the snapshot.
    """
    pause = {"remind_after": "20s", "deadline": "50s", "then": "rollback"}
    script = Script(a_policy(pause=pause), (Episode(5, word="pause"),))
    records = [step.record for step in play(script)]
    records += [Progress(worker="w1", wall=T0 + second * 1_000, sources=[]) for second in range(6, 60)]
    outputs = folded(Fold(0), records, 0)
    restarted = Fold(0)
    found: list[FoldOutput] = []
    for at, record in enumerate(records):
        restarted = reloaded(restarted)
        found += restarted.apply(record, at)
    assert published(found) == published(outputs)
    pauses = [each for each in outputs if isinstance(each, Decision) and each.action is Action.PAUSE]
    assert [(each.reason.partition(";")[0], each.escalate) for each in pauses] == [
        ("ada ordered pause (reason: because)", False),
        ("no ingest worker reports telemetry", True),
        ("still paused for 29s: no ingest worker reports telemetry", True),
        ("still paused for 49s: no ingest worker reports telemetry", True),
        (
            "paused for 50s (pause.deadline 50s, then rollback), and still paused: no ingest worker reports telemetry",
            True,
        ),
    ]


def test_requests_that_may_be_of_any_rollout_count_against_each() -> None:
    """A chunk with too many rollouts may have refused the events of this one: its progress has their number."""
    fold = Fold(0)
    fold.apply(a_start(a_policy()), 0)
    fold.apply(Partial(rollout="other", source=SOURCE, start=0, upto=1, final=False, cells=[]), 1)
    fold.apply(Progress(worker="w", wall=T0, sources=[SourceProgress(SOURCE, 1, T0 + 500, True, 3)]), 2)
    assert fold.rollouts[ROLLOUT].refused == {"canary": 3, "stable": 3}
    assert reloaded(fold).rollouts[ROLLOUT].refused == {"canary": 3, "stable": 3}
    fold.apply(Progress(worker="w", wall=T0, sources=[SourceProgress(SOURCE, 1, T0 + 500, True)]), 3)
    assert fold.rollouts[ROLLOUT].refused == {"canary": 3, "stable": 3}


def a_version(rollout: str, start: int, *cells: CellRecord) -> Partial:
    """Return a version of a chunk of one record."""
    return Partial(rollout=rollout, source=SOURCE, start=start, upto=start + 1, final=True, cells=[*cells])


def one_request(cohort: str, at: int) -> CellRecord:
    """Return a cell with one request."""
    return CellRecord.of(cohort, at, Cell((1, 0, 0, 0, 0, 0, 0)))


def test_counts_of_a_time_that_nobody_has_seen_do_not_stay() -> None:
    """Those of the year 5138 are dropped, and missing of their cohort; without a policy nothing of them is left."""
    far, near = T0 + 10**14, T0 + FURTHEST_MS - CELL_MS
    records: list[Record] = [
        a_start(a_policy()),
        Progress(worker="w", wall=T0, sources=[]),
        a_version(ROLLOUT, 0, one_request("canary", far), one_request("stable", near)),
        a_version("nobody", 0, one_request("canary", far)),
        a_version(ROLLOUT, 1, one_request("stable", T0 + CELL_MS)),
        Progress(worker="w", wall=T0, sources=[SourceProgress(SOURCE, 2, T0, True)]),
    ]
    fold = Fold(0)
    for at, record in enumerate(records):
        fold.apply(record, at)
        fold = reloaded(fold)
    rollout = fold.rollouts[ROLLOUT]
    assert rollout.refused == {"canary": 1}
    assert [cell.start for cell in rollout.join.state().finished] == [near]
    assert "nobody" not in fold.rollouts


def test_counts_after_an_outage_of_all_workers_are_not_too_far_ahead() -> None:
    """They are hours ahead of the clock that counts, but not of the one that was read with them."""
    fold, later = Fold(0), T0 + 3 * FURTHEST_MS
    for at in range(3):
        fold.apply(Progress(worker=f"w{at}", wall=T0, sources=[]), at)
    fold.apply(a_version("r", 0, one_request("canary", later)), 3)
    fold.apply(a_version("r", 1, one_request("canary", later)), 4)
    fold.apply(Progress(worker="w0", wall=later, sources=[]), 5)
    assert fold.marks.wall == T0
    assert [cell.start for cell in fold.rollouts["r"].join.state().finished] == [later]


@pytest.mark.parametrize("started", [True, False])
def test_counts_beyond_the_bound_are_missing(monkeypatch: pytest.MonkeyPatch, started: bool) -> None:
    """Also where they came before the start: some may be of the time after it."""
    monkeypatch.setattr("streams.judge.fold.MOST_UNJUDGED_BYTES", 1)
    monkeypatch.setattr(Join.apply, "__defaults__", (1,))
    versions = [a_version(ROLLOUT, at, one_request("canary", T0 + at * CELL_MS)) for at in (1, 2)]
    records: list[Record] = [a_start(a_policy()), *versions] if started else [*versions, a_start(a_policy())]
    fold = Fold(0)
    for at, record in enumerate(records):
        fold.apply(record, at)
        fold = reloaded(fold)
    assert fold.rollouts[ROLLOUT].refused == ({"canary": 1} if started else {"canary": 1, "stable": 1})
    assert fold.rollouts[ROLLOUT].join.state().finished == []


def test_offsets_that_nobody_counted_are_missing_of_each_cohort() -> None:
    """Their events may be of any rollout: panes up to them are incomplete, and their number counts as refused."""
    fold = Fold(0)
    fold.apply(a_start(a_policy()), 0)
    complete: dict[int, float] = {}
    for second in range(1, 20):
        since = 10 if second < 4 else 60
        report = SourceProgress(SOURCE, since + 10 * second, T0 + second * 1_000, True, 0, since, 10)
        record = Progress(worker="w", wall=T0 + second * 1_000, sources=[report], partitions={SOURCE.topic: 1})
        outputs = fold.apply(record, second)
        holes = [output for output in outputs if isinstance(output, SourceHole)]
        assert holes == ([SourceHole(SOURCE, 40, 60)] if second == 4 else [])
        for status in (output.document for output in outputs if isinstance(output, RolloutStatus)):
            complete[second] = cast("float", status["completeness"])
        fold = reloaded(fold)
    assert complete[3] == 1.0
    assert complete[19] == 0.0  # all that is known of is the hole


def a_chunk(start: int, upto: int, requests: int) -> Partial:
    """Return a version of a chunk with requests of the candidate."""
    cell = CellRecord.of("canary", T0 + 1_000, Cell((0, requests, 0, 0, 0, 0, 0)))
    return Partial(rollout=ROLLOUT, source=SOURCE, start=start, upto=upto, final=False, cells=[cell])


def test_a_chunk_that_overlaps_is_not_added() -> None:
    """The offsets of the group went into the middle of the open chunk: its rest counts once, what is behind is missing.

    In a journal of an older build both chunks are added, as that build has added them.
    """
    for since, requests, missing in ((0, 100, 60), (None, 160, 0)):
        fold = Fold(0)
        fold.apply(a_start(a_policy()), 0)
        report = SourceProgress(SOURCE, 0, None, False, 0, since, since)
        fold.apply(Progress(worker="w", wall=T0, sources=[report]), 1)
        fold.apply(a_chunk(0, 100, 100), 2)
        fold.apply(a_chunk(50, 90, 40), 3)
        fold = reloaded(fold)
        fold.apply(a_chunk(50, 110, 60), 4)
        rollout = fold.rollouts[ROLLOUT]
        assert rollout.refused.get("canary", 0) == missing
        assert reloaded_rollout(rollout).join.close(T0, T0 + 2_000).cells["canary"].requests == requests


def test_settings_of_a_worker_are_passed_on() -> None:
    """As an output beside the others; progress without them has none."""
    fold = Fold(0)
    settings = {"max_future_ms": 5}
    assert fold.apply(Progress(worker="w", wall=7, sources=[], settings=settings), 0) == [
        WorkerSettings("w", 7, settings)
    ]
    assert fold.apply(Progress(worker="w", wall=8, sources=[]), 1) == []
