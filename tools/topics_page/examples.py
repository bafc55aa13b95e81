"""An example of every message, made by the code that makes the real messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import msgspec

from connectors.dead_letters import DeadLetter
from connectors.decoders.registry import decoder
from gates.decisions import Action, Command, Decision
from gates.policy import Policy
from streams.audit.chain import Entry, Head
from streams.audit.records import audit_record
from streams.cells import SourcePartition
from streams.dead_letters.redrive_rules import Redrive
from streams.ingest.chunks import Chunker, SourceRecord
from streams.journal import (
    Ack,
    Control,
    Freeze,
    Origin,
    Partial,
    Partials,
    Progress,
    Record,
    SourceProgress,
    Start,
    encode,
)
from streams.judge.freezes import Freezes
from streams.judge.outputs import FoldOutput, RolloutStatus
from streams.offline.replay import Replay

BEGIN = 1767225600000
ROLLOUT = "checkout-v2"
REQUEST = {"ts": BEGIN + 123, "rollout": ROLLOUT, "cohort": "canary", "status": 200, "latency_ms": 12.7}


@cache
def policy() -> Policy:
    """The policy of the examples."""
    return Policy.parse(
        {
            "schema": "sluicegate.policy/v1",
            "rollout": ROLLOUT,
            "owner": "payments",
            "cohorts": {"baseline": "stable", "candidate": "canary"},
            "stages": [
                {"name": "canary", "weight": "10%", "bake": "1m"},
                {"name": "full", "weight": "100%", "bake": "5m"},
            ],
            "checks": {"errors": {"sli": "error_rate", "limit": "5%", "window": "10s"}},
            "min_requests": 50,
        }
    )


@cache
def outcomes() -> tuple[FoldOutput, ...]:
    """The outputs of a rollout whose canary fails."""
    return tuple(Replay(policy()).run(_requests()))


def _requests() -> Iterator[bytes]:
    for number in range(4_000):
        cohort, bad = ("canary", number > 1_000) if number % 10 == 0 else ("stable", number % 250 == 1)
        event = {"ts": BEGIN + number * 5, "rollout": ROLLOUT, "cohort": cohort, "status": 500 if bad else 200}
        yield msgspec.json.encode(event | {"latency_ms": 12.5})


def decision() -> dict[str, object]:
    """A rollback."""
    return next(one for one in outcomes() if isinstance(one, Decision) and one.action is Action.ROLLBACK).document()


def command() -> dict[str, object]:
    """The rollback's command."""
    return next(one for one in outcomes() if isinstance(one, Command)).document()


def status() -> dict[str, object]:
    """The status before it."""
    found = next(one.document for one in outcomes() if isinstance(one, RolloutStatus) and one.document["checks"])
    return {**found, "usual_age_ms": 7_000}  # which the publisher adds


def record(kind: type[msgspec.Struct]) -> Record:
    """A record of the journal of this kind, as its writer sends it."""
    return next(one for one in _records() if type(one) is kind)


def journaled() -> Control:
    """A control as the sequencer writes it to the journal."""
    return msgspec.structs.replace(_control(), origin=Origin("rollout-controls", 0, 17))


def freezes() -> dict[str, object]:
    """The answer to a freeze."""
    known, order = Freezes(), msgspec.structs.replace(_freeze(), partitions=4)
    known.apply(order, BEGIN)
    return known.document(order, 0)


def _freeze() -> Freeze:
    until = BEGIN + 86_400_000
    return Freeze(frozen=True, label="tier=1", by="ann", reason="peak sales", until=until, at=BEGIN)


def _control() -> Control:
    return Control(rollout=ROLLOUT, control="pause", by="ann", reason="look at the logs", at=BEGIN + 9_000, epoch=1)


def _records() -> tuple[Record, ...]:
    source = SourcePartition("request-events", 3)
    return (
        Partials(partials=[_partial(source)]),
        _partial(source),
        Progress(
            worker="gate-1-4711",
            wall=BEGIN + 2_000,
            sources=[SourceProgress(source, 8194, BEGIN + 1_125, True, 0, 4096, 0)],
            partitions={"request-events": 12},
            broker=BEGIN + 1_998,
            settings={"max_event_bytes": 1_048_576, "max_future_ms": 60_000},
        ),
        Start(rollout=ROLLOUT, policy=policy().document(), by="ann", reason="the new cart", at=BEGIN),
        _control(),
        _freeze(),
        Ack(
            id=f"{ROLLOUT}:1:1",
            rollout=ROLLOUT,
            epoch=1,
            sequence=1,
            actuator="router-1",
            status="applied",
            weights={"stable": 90, "canary": 10},
            at=BEGIN + 300,
            instance="0e5a3c1f",
        ),
    )


def _partial(source: SourcePartition) -> Partial:
    chunker = Chunker(source)
    second: Mapping[str, Any] = REQUEST | {"ts": BEGIN + 1_125, "cohort": "stable"}
    decoded = decoder().decode(msgspec.json.encode([REQUEST, second]))
    records = [SourceRecord(8192 + place, event.ts_ms, [event]) for place, event in enumerate(decoded.events)]
    chunker.count_records(records)
    return chunker.flush().partials[0]


def redrive() -> Redrive:
    """The record that a dead letter was sent again."""
    origin = ("request-events", 3, 8194, 0)
    return Redrive(run="5f0c1d2e", state="sent", origin=origin, to="request-events", by="ann", at=BEGIN + 60_000)


def audit_entry() -> Entry:
    """The entry of an operator's order, as the first of the log."""
    value = encode(_control())
    kept = audit_record("control", Origin("rollout-controls", 0, 17), BEGIN + 9_010, value)
    entry = Head().next_entry(kept, "gate-1-4711", BEGIN + 9_100)
    assert entry is not None  # noqa: S101 - nothing is in the log
    return entry


def dead_letter() -> DeadLetter:
    """An event with a status that does not exist."""
    value = msgspec.json.encode(REQUEST | {"status": 999})
    fault = decoder().decode(value).faults[0]
    return DeadLetter("request-events", 3, 8194, fault.index, fault.reason, fault.detail, None, value)
