"""Whole stories: a policy, events, what operators order, and the decisions that must follow, byte for byte.

A folder is a story: `policy.yaml`, `events.json` (see `generate`), `expected.ndjson` (the decisions as published,
repeats included), `expected-rules-N.ndjson` where rules N of judging decide otherwise than the next, and where needed
`controls.json` (`at_s` since the start, `record`, and of a start the `changes` to the policy) and `options.json`
(`acks`: `auto` or `none`). After a wanted change run with SLUICEGATE_GOLDEN_UPDATE=1, and read the difference as a
reviewer.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from gates.decisions import Decision
from gates.policy import Policy
from gates.rules import CURRENT, FIRST
from streams.journal import Ack, Control, SequencedRecord, Start, Timing, decode, encode_document
from streams.offline.replay import Replay
from tests.golden.generate import events

STORIES = sorted(path.parent for path in Path(__file__).parent.glob("*/policy.yaml"))


def read(path: Path, otherwise: Any) -> Any:
    """Return a JSON file's content, or `otherwise` where there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else otherwise


def words(story: Path, start: int, policy: Policy, rules: int = CURRENT) -> list[tuple[int, SequencedRecord]]:
    """Return the story's orders and acks with their event times; a start without a policy starts this one."""
    out: list[tuple[int, SequencedRecord]] = []
    for word in read(story / "controls.json", []):
        at = start + word["at_s"] * 1_000
        record = {"rollout": policy.rollout, "at": at, **word["record"]}
        if record["schema"] == "sluicegate.start/v1":
            record.setdefault("policy", policy.document() | word.get("changes", {}))
            record["rules"] = rules
        spoken = decode(encode_document(record))
        assert isinstance(spoken, Start | Control | Ack)
        out.append((at, spoken))
    return out


def decided(story: Path, rules: int = CURRENT) -> list[bytes]:
    """Return the decisions of the story under these rules of judging, one a line."""
    policy = Policy.parse(yaml.safe_load((story / "policy.yaml").read_text(encoding="utf-8")))
    described = read(story / "events.json", None)
    options = {"acks": "auto", "timing": {}} | read(story / "options.json", {})
    replay = Replay(policy, timing=Timing(**options["timing"]), acks=options["acks"] == "auto", rules=rules)
    orders = words(story, described["start"], policy, rules)
    outcomes = replay.run(events(described), orders)
    return [encode_document(outcome.document()) for outcome in outcomes if isinstance(outcome, Decision)]


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.name)
def test_story_has_its_recorded_decisions(story: Path) -> None:
    """The story's decisions are those on record: actions, weights, reasons, figures, all of each document."""
    found, expected = decided(story), story / "expected.ndjson"
    if os.environ.get("SLUICEGATE_GOLDEN_UPDATE"):
        expected.write_bytes(b"".join(line + b"\n" for line in found))
    recorded = expected.read_bytes().splitlines()
    assert [json.loads(line) for line in found] == [json.loads(line) for line in recorded]
    assert found == recorded


def recorded_under(story: Path, rules: int) -> Path:
    """The record of what these rules decide: that of the next later rules, where they decide the same."""
    records = (story / f"expected-rules-{number}.ndjson" for number in range(rules, CURRENT))
    return next((record for record in records if record.exists()), story / "expected.ndjson")


@pytest.mark.parametrize("rules", range(FIRST, CURRENT))
@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.name)
def test_an_epoch_of_earlier_rules_folds_as_before(story: Path, rules: int) -> None:
    """A journal that an earlier release wrote: `expected-rules-N.ndjson` has what it decided, where that differs."""
    assert decided(story, rules) == recorded_under(story, rules).read_bytes().splitlines()


# The actions once more in short, so that a careless update of the records does not pass unseen.
PLOTS = {
    "healthy-to-promote": "start advance hold advance promote",
    "error-spike": "start advance rollback",
    "guard-rail": "start rollback",
    "latency-limit": "start rollback",
    "latency-regression": "start hold advance rollback",
    "no-data": "start hold pause",
    "outage-while-baking": "start hold resume advance promote",
    "late-candidate": "start hold",
    "late-data": "start hold",
    "unreadable-failures": "start hold",
    "clock-ahead": "start hold",
    "crowded-cohorts": "start hold hold hold hold",
    "unanswered": "start rollback",
    "lost-ack": "start start start hold hold hold hold hold hold",
    "operator-pause-resume": "start pause resume advance promote",
    "operator-rollback": "start rollback",
    "grpc-unavailable": "start advance rollback",
    "too-many-requests": "start advance rollback",
    "thin-traffic": "start hold",
    "stage-timeout": "start hold pause resume hold pause",
    "restart-after-rollback": "start rollback start promote",
    "advisory-and-dry-run": "start advance promote",
    "approval-before-failing": "start rollback",
    "approval": "start hold hold advance promote",
    "baseline-burning": "start hold resume hold promote",
    "baseline-gone": "start hold pause rollback",
    "blips": "start hold promote",
    "budget-spent": "start rollback",
    "burn-rate": "start rollback",
    "consecutive-passes": "start hold promote",
    "contamination": "start hold",
    "coverage": "start hold resume promote",
    "coverage-auto": "start hold resume promote",
    "coverage-per-cohort": "start hold resume promote",
    "freeze-window": "start hold advance promote",
    "full-stage": "start hold rollback",
    "held-then-failing": "start hold rollback",
    "long-and-healthy": "start promote",
    "metric-mean": "start hold advance rollback",
    "metric-quantile": "start hold advance rollback",
    "metrics-outage": "start hold resume promote",
    "mismatch-and-failing": "start hold hold rollback",
    "nan-events": "start advance promote",
    "never-a-request": "start hold pause",
    "on-fail-hold": "start hold resume advance promote",
    "on-fail-pause": "start pause",
    "pause-reminders": "start pause pause pause rollback",
    "pause-resumes": "start pause pause pause pause pause pause pause resume advance promote",
    "paused-then-graver": "start pause pause pause rollback",
    "policy-changed": "start hold start advance promote",
    "queue-worker": "start hold advance rollback",
    "sample-ratio-mismatch": "start hold hold",
    "shared-cause": "start pause resume rollback",
    "shared-cause-rolls-back": "start rollback",
    "success-rate": "start hold advance rollback",
    "synthetic-only": "start hold promote",
    "throughput-share": "start hold resume promote",
    "two-of-families": "start hold rollback",
    "unknown-cohorts": "start hold",
    "warm-up": "start advance advance promote",
    "null-latency": "start rollback",
    "quiet-hour": "start hold resume hold resume hold resume promote",
    "metric-of-canary-only": "start advance rollback",
    "one-wild-value": "start promote",
    "full-but-two-thirds": "start advance hold",
    "inverted-weights": "start hold",
    "budget-in-silence": "start hold resume promote",
    "shared-outage-and-budget": "start pause resume promote",
    "bursts-then-failing": "start rollback",
}


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.name)
def test_story_has_its_plot(story: Path) -> None:
    """The recorded decisions are the ones that the folder's name promises."""
    actions = [json.loads(line)["action"] for line in (story / "expected.ndjson").read_bytes().splitlines()]
    assert " ".join(actions) == PLOTS[story.name]


def test_every_plot_has_its_story() -> None:
    """No story was lost."""
    assert {story.name for story in STORIES} == set(PLOTS)
