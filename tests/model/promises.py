"""The promises of docs/reliability.md, checked at the end of a schedule."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from aiokafka import ConsumerRecord

from gates.decisions import Action, Decision
from gates.gate import Gate
from gates.machine.rollout import Moment
from gates.machine.transitions import ENDED
from gates.panes import Pane
from streams.journal import Progress, Start, decode, encode_document
from streams.judge.fold import Fold
from streams.judge.outputs import JudgingFailed
from streams.judge.sources import SourceHole
from streams.topic_identity import topic_id
from tests.model.traffic import CANARY, MOST_EVENTS, PARTITIONS, STABLE, WINDOW_MS, Cell, Spot, Traffic
from tests.model.world import TOPICS, World

Document = Mapping[str, Any]
COHORTS = (STABLE, CANARY)


@dataclass
class Refolded:
    """The whole journal, folded once more without a fault.

    `holes` are offsets, by journal partition; `read` has the oldest records that the source had when it was read.
    `upto` is how far each topic of the source was read, by partition and topic id. `judged_with` has the topic that was
    known for each partition when a second of a rollout was judged.
    """

    panes: defaultdict[str, list[Pane]] = field(default_factory=lambda: defaultdict(list))
    decisions: dict[str, Decision] = field(default_factory=dict)
    encoded: dict[str, bytes] = field(default_factory=dict)
    folds: list[Fold] = field(default_factory=list)
    reported: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    earlier: list[tuple[str, Pane]] = field(default_factory=list)
    holes: Counter[int] = field(default_factory=Counter)
    read: set[Spot] = field(default_factory=set)
    upto: Counter[tuple[int, str]] = field(default_factory=Counter)
    judged_with: dict[tuple[str, int], dict[int, str]] = field(default_factory=dict)

    def note(self, progress: Progress) -> dict[int, str]:
        """Note what was read, by a report; returns the topics of its partitions."""
        present: dict[int, str] = {}
        for each in progress.sources:
            partition, identity = each.source.partition, topic_id(each.topic_id)
            self.read.add(Spot(partition, identity, each.begins or 0))
            self.upto[partition, identity] = max(self.upto[partition, identity], each.position)
            present[partition] = identity
        return present

    def begin_epoch(self, name: str) -> None:
        """Set the panes of the epoch before apart: what comes too late for an epoch that has ended is not reported."""
        self.earlier += [(name, pane) for pane in self.panes.pop(name, ())]
        self.reported.pop(name, None)


def refolded(world: World) -> Refolded:
    """Fold the journal again."""
    found = Refolded()
    observe = Gate.pane
    present: dict[int, str] = {}

    def spy(gate: Gate, pane: Pane, moment: Moment) -> Any:
        name = gate.state.policy.rollout
        found.panes[name].append(pane)
        for second in range(pane.start, pane.end, 1000):
            found.judged_with[name, second] = dict(present)
        found.reported[name].update(pane.late)
        found.reported[name].update(pane.refused)
        return observe(gate, pane, moment)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Gate, "pane", spy)
        for log in world.broker.logs[TOPICS.journal]:
            fold = Fold(log.place.partition)
            found.folds.append(fold)
            present.clear()
            for record in log.records:
                journaled = decode(record.value or b"")
                if isinstance(journaled, Progress):
                    present.update(found.note(journaled))
                for output in fold.apply(journaled, record.offset):
                    assert not isinstance(output, JudgingFailed), output
                    if isinstance(output, SourceHole):
                        found.holes[log.place.partition] += output.upto - output.first
                    if isinstance(output, Decision):
                        value = encode_document(output.document())
                        assert found.encoded.setdefault(output.id, value) == value
                        if output.action is Action.START and output.id not in found.decisions:
                            found.begin_epoch(output.rollout)
                        found.decisions.setdefault(output.id, output)
            for name, rollout in fold.rollouts.items():
                found.reported[name].update(rollout.late)
                found.reported[name].update(rollout.refused)
    return found


def settled(world: World, traffic: Traffic, judged_past: int) -> bool:
    """Whether all is counted, each rollout judged past this event time (ms), and the newest order carried out.

    A rollout that has ended may have been started again, which shows once a judge has read the start.
    """
    if not world.complete or not all_counted(world):
        return False
    statuses = {record.key: record.value for record in world.broker.records(TOPICS.status)}
    newest = {record.key: record.value for record in world.broker.records(TOPICS.decisions)}
    applied = {wanted.rollout: wanted.id for wanted in world.applied}
    for name in traffic.rollouts:
        status, decision = (orjson.loads(found.get(name.encode()) or b"{}") for found in (statuses, newest))
        if status.get("event_time", 0) < judged_past and status.get("phase") not in ENDED:
            return False
        if not decision or applied.get(name) != decision["id"]:
            return False
    shown = {record.key: record.timestamp for record in world.broker.records(TOPICS.status)}
    journal = ((decode(record.value or b""), record.timestamp) for record in world.broker.records(TOPICS.journal))
    starts = {start.rollout: at for start, at in journal if isinstance(start, Start)}
    return all(shown.get(name.encode(), 0) >= starts.get(name, 0) for name in traffic.rollouts)


def all_counted(world: World) -> bool:
    """Whether ingest has reported each source partition up to its end."""
    due = {log.place.partition: log.end for log in world.broker.logs[TOPICS.events]}
    present = world.broker.ids[TOPICS.events]
    for record in reversed(world.broker.logs[TOPICS.journal][0].records):
        journaled = decode(record.value or b"")
        if isinstance(journaled, Progress) and journaled.sources:
            for source in journaled.sources:
                if topic_id(source.topic_id) == present and source.position >= due.get(source.source.partition, 0):
                    due.pop(source.source.partition, None)
            if not due or record.timestamp < world.broker.now_ms() - 5_000:
                break
    return not due


def check(world: World, traffic: Traffic, judged_past: int, *, damaged: bool) -> Refolded:
    """Check all promises; `judged_past` is the event time (ms) that each rollout is judged past at the end.

    Unless the source was `damaged`, no request may be missing but those that came too late.
    """
    assert not world.escaped, world.escaped
    found = refolded(world)
    for fold in found.folds:
        for name, rollout in fold.rollouts.items():
            if name in traffic.rollouts:
                assert rollout.gate is not None, name
                assert rollout.ended or rollout.judged_until() >= judged_past, (name, rollout.judged_until())
    published = one_history(world, found)
    for name in traffic.rollouts:
        counts_hold(name, traffic, found)
        assert damaged or not any(pane.refused for pane in found.panes[name]), name
    for name, decisions in published.items():
        judged_well(name, decisions, traffic)
        ordered_once(name, decisions, traffic)
        obeyed(world, name, decisions)
    return found


def one_history(world: World, found: Refolded) -> dict[str, list[Document]]:
    """Each id has one decision, none is missing, and the journal gives the same bytes; returns them by rollout."""
    values: dict[str, bytes] = {}
    for record in world.broker.records(TOPICS.decisions):
        value = record.value or b""
        assert values.setdefault(orjson.loads(value)["id"], value) == value
    assert values == found.encoded
    published: defaultdict[str, list[Document]] = defaultdict(list)
    for value in values.values():
        published[(document := orjson.loads(value))["rollout"]].append(document)
    for decisions in published.values():
        decisions.sort(key=lambda each: (each["epoch"], each["sequence"]))
        epochs = Counter(each["epoch"] for each in decisions)
        due = [(epoch, sequence + 1) for epoch in range(1, len(epochs) + 1) for sequence in range(epochs[epoch])]
        assert [(each["epoch"], each["sequence"]) for each in decisions] == due
    return published


def counts_hold(name: str, traffic: Traffic, found: Refolded) -> None:
    """No request counts twice, and each that a complete pane lacks is reported as missing."""
    lacking: Counter[str] = Counter()
    unknown = unknowable(traffic, found)
    reported = found.reported[name]
    panes = found.panes[name]
    for pane in [*panes, *(pane for rollout, pane in found.earlier if rollout == name)]:
        for cohort in COHORTS:
            seconds = range(pane.start, pane.end, 1000)
            true = sum(traffic.truth.requests[name, cohort, second] for second in seconds)
            lacks = true - pane.cell(cohort).requests
            assert lacks >= 0, ("counted twice", name, cohort, pane)
            if pane.complete and pane in panes:
                lacking[cohort] += max(0, lacks - sum(unknown[name, cohort, second] for second in seconds))
    # Of a hole only the records are known, and each may hold several requests of this cohort.
    hidden = (MOST_EVENTS - 1) * max(found.holes.values(), default=0)
    for cohort in COHORTS:
        assert lacking[cohort] <= reported[cohort] + hidden, (name, cohort, lacking, reported)


def unknowable(traffic: Traffic, found: Refolded) -> Counter[Cell]:
    """Return the requests of which nobody can know: neither that they were, nor how many.

    They are those that were gone before a worker reported their partition for the first time, and those of a topic that
    is gone which were late for panes judged before: by their times, or as they were written to a silent partition and
    not read yet when the pane was judged. Of a partition that was added after the first report its first offset is
    known.
    """
    unknown: Counter[Cell] = Counter()
    present = _number(traffic.world.broker.ids[TOPICS.events])
    first: dict[int, tuple[int, int]] = {}
    named = next(
        (count for count in map(_partitions, traffic.world.broker.records(TOPICS.journal)) if count), PARTITIONS
    )
    for partition, identity, begins in found.read:
        at = (_number(identity), begins if partition < named else 0)
        first[partition] = min(at, first.get(partition, at))
    for (cell, spot), requests in traffic.truth.placed.items():
        topic = _number(spot.identity)
        unreported = (topic, spot.offset) < first.get(spot.partition, (present, 0))
        if unreported or (topic < present and _is_unread_and_judged(cell, spot, found)):
            unknown[cell] += requests
    for (cell, identity), requests in traffic.truth.late.items():
        if _number(identity) < present:
            unknown[cell] += requests
    return unknown


def _is_unread_and_judged(cell: Cell, spot: Spot, found: Refolded) -> bool:
    """Whether a cell was judged while the topic of a record was there, and before that record was read."""
    rollout, _, second = cell
    is_judged = found.judged_with.get((rollout, second), {}).get(spot.partition) == spot.identity
    return is_judged and spot.offset >= found.upto[spot.partition, spot.identity]


def _partitions(record: ConsumerRecord[bytes, bytes]) -> int:
    """Return how many partitions of the source a record of the journal names; 0 if it names none."""
    journaled = decode(record.value or b"")
    named = journaled.partitions if isinstance(journaled, Progress) else None
    return (named or {}).get(TOPICS.events, 0)


def _number(identity: str) -> int:
    """Return which of its name a topic is."""
    return int(identity.rpartition("-")[2])


def judged_well(name: str, decisions: list[Document], traffic: Traffic) -> None:
    """The gate raises no weight while most of the candidate's requests fail, and rolls back none that is healthy."""
    began = 0
    for decision in decisions:
        at = decision["event_time"]
        if decision["action"] == Action.START:
            began = at
        if decision.get("by") is not None:
            continue
        if decision["action"] in (Action.ADVANCE, Action.PROMOTE):
            window = range(max(began, at - WINDOW_MS), at, 1000)
            requests, errors = (
                sum(counts[name, CANARY, second] for second in window)
                for counts in (traffic.truth.requests, traffic.truth.errors)
            )
            assert not errors or errors < 0.5 * requests, (decision, errors, requests)
        assert decision["action"] != Action.ROLLBACK or name in traffic.bad, decision


def ordered_once(name: str, decisions: list[Document], traffic: Traffic) -> None:
    """No order has an effect twice, however often the sequencer reads it."""
    effects = Counter(str(decision["action"]) for decision in decisions if decision.get("by") is not None)
    for action, number in effects.items():
        assert number <= traffic.orders[name, action], (name, action, effects)


def obeyed(world: World, name: str, decisions: list[Document]) -> None:
    """The router never went back, and has the weights of the newest decision."""
    applied = [wanted for wanted in world.applied if wanted.rollout == name]
    tokens = [wanted.token for wanted in applied]
    assert tokens == sorted(tokens), (name, tokens)
    assert applied, name
    assert dict(applied[-1].weights) == decisions[-1]["weights"], (applied[-1], decisions[-1])
