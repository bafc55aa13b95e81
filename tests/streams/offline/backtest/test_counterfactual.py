"""A journal folded as recorded and as another policy would have it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from gates.policy import Policy
from gates.rules import CURRENT
from streams.journal import Start
from streams.offline.replay import Replay
from tests.golden.generate import events
from tests.golden.test_golden import STORIES, read, words
from tests.pipeline.harness import POLICY
from tests.streams.offline.backtest.journals import BEGIN, Journal, both, changed, compared, limited, recorded

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


def test_each_recorded_start_starts_both() -> None:
    """Epochs are those recorded, though the policy would still have run when it was started again."""
    again = Start(rollout="checkout-v2", policy=POLICY.document(), by="ada", at=BEGIN + 35_000, rules=CURRENT)
    found = compared(recorded(bad=0.25, orders=[(BEGIN + 35_000, again)]), limited("90%"))
    assert [each.source for each in found] == ["1", "2"]
    assert [each.instead[0].action for each in found] == ["start", "start"]


def test_other_cohorts_are_not_judged() -> None:
    """A policy that compares other cohorts than the recorded ones judges nothing, and the reason is given."""
    folds = both(recorded(), changed(POLICY, cohorts={"baseline": "v1", "candidate": "v2"}))
    assert folds.not_judged == {
        ("checkout-v2", 1): "its cohorts are canary and stable, and the policy compares v2 with v1",
    }
    assert not folds.epochs["checkout-v2", 1].instead


def test_another_rollout_is_left_out() -> None:
    """`only` keeps what it names; the others are known by their names alone."""
    folds = both(recorded(), POLICY, only="search")
    assert (folds.epochs, folds.rollouts) == ({}, {"checkout-v2"})


def test_every_actuator_that_the_policy_names_acknowledges() -> None:
    """A policy that needs several confirmations is compared as the same policy without names."""
    folds = both(recorded(), changed(POLICY, commands={"actuators": ["haproxy-eu", "haproxy-us"]}))
    epoch = folds.epochs["checkout-v2", 1]
    actions = [decision.action for decision in epoch.recorded.values()]
    assert [decision.action for decision in epoch.instead.values()] == actions
    assert "advance" in actions
