"""Backtests: a journal folded as recorded and as another policy would have it; the two side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from gates.policy import Policy
from streams.journal import Record, SequencedRecord, Start
from streams.judge.fold import Fold
from streams.judge.outputs import FoldOutput
from streams.offline.backtest.comparison import Comparison
from streams.offline.backtest.counterfactual import Counterfactual
from streams.offline.backtest.recordings import Recording, event_files, unfit
from streams.offline.replay import Replay
from tests.golden.generate import events
from tests.golden.test_golden import STORIES, read, words
from tests.pipeline.harness import POLICY, traffic

BEGIN = 1_767_225_600_000


class Journal(Fold):
    """A fold that remembers what it was given."""

    def __init__(self) -> None:
        super().__init__(0)
        self.records: list[tuple[Record, int]] = []

    def apply(self, record: Record, offset: int) -> list[FoldOutput]:
        """Take it in, and keep it."""
        self.records.append((record, offset))
        return super().apply(record, offset)


def changed(policy: Policy, **keys: Any) -> Policy:
    """Return the policy with other keys."""
    return Policy.parse(policy.document() | keys)


def limited(limit: str) -> Policy:
    """Return the policy with this limit on errors for its only check."""
    return changed(POLICY, checks={"errors": {"sli": "error_rate", "limit": limit, "window": "5s", "min_events": 3}})


def recorded(
    bad: float = 0.0, policy: Policy = POLICY, orders: list[tuple[int, SequencedRecord]] | None = None
) -> Journal:
    """Return the journal of forty seconds: ten good ones, and then a canary that fails so often."""
    lines = [*traffic(BEGIN, 10), *traffic(BEGIN + 10_000, 30, bad=bad, share=0.5)]
    journal = Journal()
    for _ in Replay(policy, _fold=journal).run((json.dumps(line).encode() for line in lines), orders or []):
        pass
    return journal


def both(journal: Journal, policy: Policy, only: str | None = None) -> Counterfactual:
    """Fold the journal both ways."""
    folds = Counterfactual(policy, 0, only)
    for record, offset in journal.records:
        folds.apply(record, offset)
    return folds


def compared(journal: Journal, policy: Policy) -> list[Comparison]:
    """Return a comparison per epoch."""
    return [
        Comparison(rollout, str(number), list(epoch.recorded.values()), list(epoch.instead.values()))
        for (rollout, number), epoch in both(journal, policy).epochs.items()
    ]


ONE_POLICY = [story for story in STORIES if story.name != "policy-changed"]


@pytest.mark.parametrize("story", ONE_POLICY, ids=lambda path: path.name)
def test_the_same_policy_decides_the_same_to_the_byte(story: Path) -> None:
    """Acks late or never, restarts, operators, lost telemetry: judged again by its own policy nothing differs."""
    policy = Policy.parse(yaml.safe_load((story / "policy.yaml").read_text(encoding="utf-8")))
    described = read(story / "events.json", None)
    options = {"acks": "auto"} | read(story / "options.json", {})
    journal = Journal()
    replay = Replay(policy, acks=options["acks"] == "auto", _fold=journal)
    for _ in replay.run(events(described), words(story, described["start"], policy)):
        pass
    found = compared(journal, policy)
    assert found
    for each in found:
        assert each.recorded is not None
        assert [d.document() for d in each.instead] == [d.document() for d in each.recorded]
        assert (each.divergence, each.summary) == (None, "the same decisions")


@pytest.mark.parametrize(
    ("bad", "summary"),
    [
        (0.25, "would have been rolled back at stage half, and was promoted at stage half"),
        (0.5, "rolled back too, 1s earlier"),
    ],
)
def test_a_stricter_policy_catches_more_and_sooner(bad: float, summary: str) -> None:
    """The first difference is the rollback that was not; the sentence says what it would have changed."""
    (found,) = compared(recorded(bad=bad, policy=limited("20%")), limited("5%"))
    assert found.rows[0].same
    assert found.divergence is not None
    first = found.rows[found.divergence]
    assert (first.recorded, first.instead and first.instead.action) == (None, "rollback")
    assert found.summary == summary


def test_a_laxer_policy_does_not_roll_back() -> None:
    """It stays where it was by the time of the recorded end; what came later is known to come after that."""
    slow = changed(limited("90%"), stages=[{"name": "canary", "weight": "20%", "bake": "1h"}])
    (found,) = compared(recorded(bad=0.25), slow)
    assert found.ended_at is not None
    assert found.summary == "would not have been rolled back: it was still baking at stage canary by then"


def test_each_recorded_start_starts_both() -> None:
    """Epochs are those recorded, though the policy would still have run when it was started anew."""
    again = Start(rollout="checkout-v2", policy=POLICY.document(), by="ada", at=BEGIN + 35_000)
    found = compared(recorded(bad=0.25, orders=[(BEGIN + 35_000, again)]), limited("90%"))
    assert [each.where for each in found] == ["1", "2"]
    assert [each.instead[0].action for each in found] == ["start", "start"]


def test_other_cohorts_are_told_apart() -> None:
    """A policy that compares others than the record has judges nothing, and says so."""
    folds = both(recorded(), changed(POLICY, cohorts={"baseline": "v1", "candidate": "v2"}))
    assert folds.apart == {
        ("checkout-v2", 1): "its cohorts are canary and stable, and the policy compares v2 with v1",
    }
    assert not folds.epochs["checkout-v2", 1].instead


def test_another_rollout_is_left_out() -> None:
    """`only` keeps what it names; the others are known by their names alone."""
    folds = both(recorded(), POLICY, only="search")
    assert (folds.epochs, folds.rollouts) == ({}, {"checkout-v2"})


def test_events_are_judged_rollout_by_rollout(tmp_path: Path) -> None:
    """Two rollouts in one file: each is judged by itself, from its own first event on."""
    file = tmp_path / "events.ndjson"
    mixed = [*traffic(BEGIN, 20), *({**event, "rollout": "search"} for event in traffic(BEGIN + 20_000, 20))]
    file.write_text("".join(json.dumps(event) + "\n" for event in mixed) + "nonsense\n\n")
    recording = Recording.of(file)
    assert recording.cohorts == {"checkout-v2": {"canary", "stable"}, "search": {"canary", "stable"}}
    assert dict(recording.faults) == {"bad_json": 1}
    one, other = (recording.judged(POLICY, name) for name in recording.cohorts)
    assert [d.rollout for d in (one[0], other[0])] == ["checkout-v2", "search"]
    assert [(d.action, d.event_time) for d in other] == [(d.action, d.event_time + 20_000) for d in one]


def test_what_a_policy_cannot_judge() -> None:
    """Names that no rollout can have, and cohorts that are not there."""
    assert unfit(POLICY, "search", {"stable", "canary", ""}) == ""
    assert "is not a usable name" in unfit(POLICY, "a b", {"stable", "canary"})
    assert unfit(POLICY, "search", {"stable"}) == ("its cohorts are stable, and the policy compares canary with stable")


def test_folders_are_searched_for_events(tmp_path: Path) -> None:
    """All NDJSON files in their depths, in order; none is an error."""
    (tmp_path / "deep").mkdir()
    for name in ("b.ndjson", "a.ndjson", "deep/c.ndjson", "notes.txt"):
        (tmp_path / name).touch()
    assert [file.name for file in event_files([tmp_path])] == ["a.ndjson", "b.ndjson", "c.ndjson"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError):
        list(event_files([tmp_path / "empty"]))
