"""NaN, infinities, negative latencies, unknown enum words never reach a verdict."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from connectors.decoders.registry import decoder
from gates.verdicts import VerdictKind
from streams.journal import decode
from tests.properties.hand import journals
from tests.properties.journals import (
    T0,
    Script,
    play,
    scripts,
)


@pytest.mark.parametrize(
    "field",
    [
        {"latency_ms": "NaN"},
        {"latency_ms": "Infinity"},
        {"latency_ms": "-Infinity"},
        {"latency_ms": "-0.001"},
        {"latency_ms": "1e999"},
        {"status": "99"},
        {"status": "600"},
        {"status": "200.5"},
        {"status": "null"},
        {"outcome": '"fine"'},
        {"metrics": '{"cpu": NaN}'},
    ],
)
def test_7_what_is_no_number_or_no_word_is_refused_at_the_edge(field: dict[str, str]) -> None:
    """An event that a verdict could trip over becomes a fault with its reason, and no event."""
    fields = {"ts": str(T0), "rollout": '"r"', "cohort": '"c"', "status": "200", "latency_ms": "1"} | field
    value = "{" + ",".join(f'"{name}":{text}' for name, text in fields.items()) + "}"
    decoded = decoder().decode(value.encode())
    assert decoded.events == []
    assert len(decoded.faults) == 1


@pytest.mark.parametrize(
    "value",
    [
        b'{"schema":"sluicegate.control/v1","rollout":"r","control":"explode","by":"a","at":1}',
        b'{"schema":"sluicegate.ack/v1","id":"r:1:1","rollout":"r","epoch":1,"sequence":1,"actuator":"a",'
        b'"status":"maybe","weights":{},"at":1}',
        b'{"schema":"sluicegate.ack/v1","id":"r:1:1","rollout":"r","epoch":1,"sequence":1,"actuator":"a",'
        b'"status":"applied","weights":{"canary":NaN},"at":1}',
        b'{"schema":"sluicegate.progress/v1","worker":"w","wall":1e999,"sources":[]}',
        b'{"schema":"sluicegate.verdict/v9"}',
    ],
)
def test_7_unknown_words_are_no_journal_records(value: bytes) -> None:
    """A record with a word or a number that is none of ours does not decode."""
    with pytest.raises(ValueError, match=r"(?i)invalid|malformed|expected|range"):
        decode(value)


@journals
@given(scripts())
def test_7_everything_published_is_finite(script: Script) -> None:
    """Decisions and statuses hold known verdicts and finite figures only."""
    for step in play(script):
        for decision in step.decisions:
            json.dumps(decision.document(), allow_nan=False)
            assert all(isinstance(verdict.kind, VerdictKind) for verdict in decision.checks)
            assert 0.0 <= decision.completeness <= 1.0
        if step.gate is not None:
            json.dumps(step.gate.dump(), allow_nan=False)
