"""Replay against a live worker, on events of which one cohort's clock is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connectors.decoders.registry import decoder
from gates.decisions import Decision
from gates.rules import CURRENT
from streams.ingest.chunks import Chunker, SourceRecord
from streams.journal import Ack, Progress, Record, SourceProgress, Start, Timing
from streams.judge.fold import Fold
from streams.offline.replay import SOURCE, Replay, distinct_decisions
from tests.pipeline.harness import POLICY, traffic

T0 = 1_767_225_600_000
HOUR = 3_600_000
FLUSH_MS = 1_000

Event = dict[str, Any]
Recorded = list[tuple[int, Event]]
"""Events with the time at which the broker had their record."""


def recorded(skew_ms: int, cohort: str, *, failing: bool = False) -> Recorded:
    """Forty seconds of traffic, of which one cohort's clock is wrong by this; the canary may fail."""
    found = []
    for event in traffic(T0, 40, rps=200):
        changes: dict[str, Any] = {"ts": event["ts"] + skew_ms} if event["cohort"] == cohort else {}
        if failing and event["cohort"] == "canary":
            changes["status"] = 500
        found.append((event["ts"], {**event, **changes}))
    return found


def lived(records: Recorded) -> list[Decision]:
    """What ingest and judge decide while the events arrive: a flush each second of the broker's time, acks at once."""
    fold, chunker, offset, decoded = Fold(0), Chunker(SOURCE), -1, decoder()
    decisions: dict[str, Decision] = {}

    def apply(record: Record) -> None:
        nonlocal offset
        offset += 1
        for output in fold.apply(record, offset):
            if isinstance(output, Decision) and output.id not in decisions:
                decisions[output.id] = output
                apply(confirmed(output))

    def flush(wall: int) -> None:
        found = chunker.flush()
        for partial in found.partials:
            apply(partial)
        report = SourceProgress(SOURCE, found.position or 0, found.newest, caught_up=True)
        apply(Progress(worker="live", wall=wall, sources=[report]))

    start = POLICY.document()
    apply(Start(rollout=POLICY.rollout, policy=start, by="test", at=T0, timing=Timing(), rules=CURRENT))
    flushed = T0
    for number, (time, event) in enumerate(records):
        if time >= flushed + FLUSH_MS:
            flush(time)
            flushed = time - time % FLUSH_MS
        chunker.count_records([SourceRecord(number, time, decoded.decode_valid(json.dumps(event).encode()) or [])])
    flush(records[-1][0])
    return list(decisions.values())


def confirmed(decision: Decision) -> Ack:
    """The ack of an actuator that did as ordered."""
    return Ack(
        id=decision.id,
        rollout=decision.rollout,
        epoch=decision.epoch,
        sequence=decision.sequence,
        actuator="a",
        status="applied",
        weights=dict(decision.weights),
        at=decision.event_time,
    )


def with_record_times(records: Recorded) -> Iterator[bytes]:
    """The lines that the console consumer prints."""
    return (b"CreateTime:%d\t%s" % (time, json.dumps(event).encode()) for time, event in records)


def without(records: Recorded) -> Iterator[bytes]:
    """The lines of a file that has lost the times of its records."""
    return (json.dumps(event).encode() for _, event in records)


def course(decisions: list[Decision], until: int) -> list[tuple[str, str, int]]:
    """What was decided and when, up to an event time: at its end a file is judged to its last pane, a log is not."""
    return [(each.action.value, each.stage, each.event_time) for each in decisions if each.event_time <= until]


@pytest.mark.parametrize("written", [with_record_times, without])
@pytest.mark.parametrize("failing", [False, True])
@pytest.mark.parametrize("skew_ms", [0, -HOUR, HOUR])
def test_a_replay_decides_what_a_worker_decided(
    skew_ms: int, failing: bool, written: Callable[[Recorded], Iterator[bytes]]
) -> None:
    """Whether the canary's clock is right, an hour behind (late) or an hour ahead (clamped)."""
    records = recorded(skew_ms, "canary", failing=failing)
    until = T0 + 36_000
    live = course(lived(records), until)
    assert course(list(distinct_decisions(Replay(POLICY).run(written(records)))), until) == live
    assert len(live) > 1


@pytest.mark.parametrize("skew_ms", [-HOUR, HOUR, 30_000, -5_000])
def test_record_times_decide_where_most_clocks_are_wrong(skew_ms: int) -> None:
    """With the times of the records a replay need not guess which clock is right."""
    records = recorded(skew_ms, "stable")
    until = T0 + 36_000
    found = list(distinct_decisions(Replay(POLICY).run(with_record_times(records))))
    assert course(found, until) == course(lived(records), until)
