"""An example of every message, made by the code that makes the real ones, and what the fields of documents mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import msgspec

from connectors.dead_letters import LARGEST_DETAIL, LARGEST_KEPT, DeadLetter
from connectors.decoders import decode
from gates.decisions import Action, Command, Decision
from gates.policy import Policy
from streams.audit.chain import Entry, Head
from streams.audit.records import audit_record
from streams.cells import SourcePartition
from streams.dead_letters.redrive_rules import Redrive
from streams.ingest.chunks import Chunker, Decoded
from streams.journal import Ack, Control, Origin, Partial, Partials, Progress, Record, SourceProgress, Start, encode
from streams.judge.outputs import FoldOutput, RolloutStatus
from streams.offline.replay import Replay

BEGIN = 1767225600000
ROLLOUT = "checkout-v2"
REQUEST = {"ts": BEGIN + 123, "rollout": ROLLOUT, "cohort": "canary", "status": 200, "latency_ms": 12.7}

DECISION_FIELDS = {
    "schema": "`sluicegate.decision/v1`",
    "id": "rollout:epoch:sequence; a consumer drops what it has seen",
    "rollout": "the rollout's name",
    "epoch": "which start of the rollout this is, from 1",
    "sequence": "which decision of the epoch, from 1; with `epoch` the fencing token",
    "action": "`start`, `advance`, `hold`, `pause`, `resume`, `rollback` or `promote`",
    "stage": "the stage it now stands at",
    "weights": "the traffic that every cohort shall now have, in per cent: the whole wanted state",
    "event_time": "until when events were judged, milliseconds since the epoch",
    "reason": "why, in words",
    "checks": "the verdicts that caused it: name, verdict, reason, window, figures of both cohorts, e-values",
    "combined": "all comparisons that may roll back as one e-value, and what it must reach; absent without any",
    "confidence": "the error probabilities that the policy allows, of a rollback and of an advance",
    "completeness": "the share of the telemetry that was judged in time, 0 to 1",
    "policy_hash": "the policy it was judged by",
    "journal": "the journal record that caused it",
    "cohorts": "which cohort is the baseline and which the candidate",
    "escalate": "whether a person is needed",
    "approved_by": "who approved the stage; absent if nobody did",
    "by": "the operator who ordered it; absent if none did",
    "contact": "the policy's owner, runbook and labels; absent if it has none",
}

COMMAND_FIELDS = {
    "schema": "`sluicegate.command/v1`",
    "deadline": "when an ack is due, wall-clock milliseconds since the epoch",
    "expires_at": "from when on it must not be carried out any more, wall-clock milliseconds since the epoch",
}

STATUS_FIELDS = {
    "schema": "`sluicegate.status/v1`",
    "rollout": "the rollout's name",
    "epoch": "which start of the rollout this is, from 1",
    "policy_hash": "the policy it runs by",
    "phase": "`baking`, `held`, `paused`, `rolled_back` or `promoted`",
    "stage": "the stage's name",
    "stage_index": "the stage's place in `stages`, from 0",
    "stages": "every stage: name, weight (0 to 1), bake in milliseconds",
    "baked_ms": "how long the stage has stood the test, in event time",
    "bake_ms": "how long it must",
    "confirmed": "whether an actuator acknowledged the stage's weights",
    "weights": "the traffic that every cohort shall have, in per cent",
    "event_time": "until when events were judged, milliseconds since the epoch",
    "reason": "the last decision's reason; or, where nothing is decided any more, why: the journal was truncated",
    "decision": "the last decision's id; null before the first, and where the reason is not a decision's",
    "checks": "the last pane's verdicts, as in a decision",
    "combined": "what the comparisons say together, as in a decision; null without any",
    "confidence": "the error probabilities that the policy allows, of a rollback and of an advance",
    "doubts": "why the data is not to be trusted, in words: users or requests not split as ordered",
    "notices": "the reasons of checks that FAIL and only notify",
    "passes": "panes in a row on which nothing was missing: `so_far` and `needed`",
    "approval": "whether a person must approve the stage (`needed`), and who did (`by`)",
    "sight": "by comparing check, the median seconds to see 1.5, 2 and 5 times the baseline's figure; null: never",
    "slis": "the figures of each cohort over its longest window; latencies in milliseconds",
    "completeness": "the share of the telemetry that was judged in time, 0 to 1",
    "cohorts": "which cohort is the baseline and which the candidate",
    "control": "what became of the last operator's order: `accepted`, or refused with a reason; null before the first",
    "owner": "the policy's owner",
}

HEADER_WORDS = {
    "topic": "where it was found: topic, partition, offset",
    "index": "its place within the message, from 0",
    "reason": "why it was refused, a word for machines",
    "detail": f"the same in words, at most {LARGEST_DETAIL:,} characters",
    "key": f"the original key, if it had one of at most {LARGEST_KEPT // 1024} KiB; else `detail` says so",
    "truncated_from": "the value's size in bytes, if it was cut",
}


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
    """What a bad canary comes to."""
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
    return next(one.document for one in outcomes() if isinstance(one, RolloutStatus) and one.document["checks"])


def record(kind: type[msgspec.Struct]) -> Record:
    """A record of the journal of this kind, as its writer sends it."""
    return next(one for one in _records() if type(one) is kind)


def journaled() -> Control:
    """A control as the sequencer journals it."""
    return msgspec.structs.replace(_control(), origin=Origin("rollout-controls", 0, 17))


def _control() -> Control:
    return Control(rollout=ROLLOUT, control="pause", by="ann", reason="look at the logs", at=BEGIN + 9_000, epoch=1)


def _records() -> tuple[Record, ...]:
    source = SourcePartition("request-events", 3)
    return (
        Partials(partials=[_partial(source)]),
        _partial(source),
        Progress(worker="gate-1-4711", wall=BEGIN + 2_000, sources=[SourceProgress(source, 8194, BEGIN + 1_125, True)]),
        Start(rollout=ROLLOUT, policy=policy().document(), by="ann", reason="the new cart", at=BEGIN),
        _control(),
        Ack(
            id=f"{ROLLOUT}:1:1",
            rollout=ROLLOUT,
            epoch=1,
            sequence=1,
            actuator="router-1",
            status="applied",
            weights={"stable": 90, "canary": 10},
            at=BEGIN + 300,
        ),
    )


def _partial(source: SourcePartition) -> Partial:
    chunker = Chunker(source)
    second: Mapping[str, Any] = REQUEST | {"ts": BEGIN + 1_125, "cohort": "stable"}
    decoded = decode(msgspec.json.encode([REQUEST, second]))
    chunker.take(Decoded(8192 + place, event.ts_ms, [event]) for place, event in enumerate(decoded.events))
    return chunker.flush().partials[0]


def redrive() -> Redrive:
    """The dead letter was sent once more."""
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
    fault = decode(value).faults[0]
    return DeadLetter("request-events", 3, 8194, fault.index, fault.reason, fault.detail, None, value)
