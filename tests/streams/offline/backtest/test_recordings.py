"""Recorded request events in files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streams.offline.backtest.recordings import event_files, read_recording, why_not_judged
from tests.pipeline.harness import POLICY, traffic
from tests.streams.offline.backtest.journals import BEGIN


def test_events_are_judged_rollout_by_rollout(tmp_path: Path) -> None:
    """Two rollouts in one file: each is judged by itself, from its own first event on."""
    file = tmp_path / "events.ndjson"
    mixed = [*traffic(BEGIN, 20), *({**event, "rollout": "search"} for event in traffic(BEGIN + 20_000, 20))]
    file.write_text("".join(json.dumps(event) + "\n" for event in mixed) + "nonsense\n\n")
    recording = read_recording(file)
    assert recording.cohorts == {"checkout-v2": {"canary", "stable"}, "search": {"canary", "stable"}}
    assert dict(recording.faults) == {"bad_json": 1}
    one, other = (recording.decisions_by(POLICY, name) for name in recording.cohorts)
    assert [d.rollout for d in (one[0], other[0])] == ["checkout-v2", "search"]
    assert [(d.action, d.event_time) for d in other] == [(d.action, d.event_time + 20_000) for d in one]


def test_what_a_policy_cannot_judge() -> None:
    """Names that no rollout can have, and cohorts that are not there."""
    assert why_not_judged(POLICY, "search", {"stable", "canary", ""}) == ""
    assert "is not a usable name" in why_not_judged(POLICY, "a b", {"stable", "canary"})
    assert why_not_judged(POLICY, "search", {"stable"}) == (
        "its cohorts are stable, and the policy compares canary with stable"
    )


def test_folders_are_searched_for_events(tmp_path: Path) -> None:
    """All NDJSON files in their depths, in order; none is an error."""
    (tmp_path / "deep").mkdir()
    for name in ("b.ndjson", "a.ndjson", "deep/c.ndjson", "notes.txt"):
        (tmp_path / name).touch()
    assert [file.name for file in event_files([tmp_path])] == ["a.ndjson", "b.ndjson", "c.ndjson"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError):
        list(event_files([tmp_path / "empty"]))


def test_unreadable_events_of_a_rollout_are_among_its_lines(tmp_path: Path) -> None:
    """A line that is no event is judged with the rollout that it names."""
    file = tmp_path / "events.ndjson"
    events = list(traffic(BEGIN, 20))
    others = [{**event, "rollout": "search"} for event in events]
    bad = [{**event, "status": "ok?"} for event in events if event["cohort"] == "canary"]
    lines = [json.dumps(event) for event in sorted(events + others + bad, key=lambda event: event["ts"])]
    file.write_text("".join(line + "\n" for line in lines))
    recording = read_recording(file)
    checkout, search = (recording.decisions_by(POLICY, name) for name in ("checkout-v2", "search"))
    assert [decision.action.value for decision in checkout] == ["start"]
    assert "waits for more evidence" in search[-1].reason
