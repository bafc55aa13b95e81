"""Two actuators of one name are noticed by their acks; one that was started again is not mistaken for two."""

from __future__ import annotations

import json

import pytest

from streams.runtime import metrics
from streams.sequencer import instances
from streams.sequencer.instances import Instances


def an_ack(instance: str | None, rollout: str = "r") -> bytes:
    """As much of an ack as counts here."""
    return json.dumps(
        {"actuator": "haproxy", "rollout": rollout} | ({"instance": instance} if instance else {})
    ).encode()


def shown(*acks: bytes) -> list[str]:
    """What each of these shows, in the order of their offsets."""
    watched = Instances()
    return [watched.doubled(value, 0, offset) for offset, value in enumerate(acks)]


def test_two_at_work() -> None:
    """From the first ack on that comes from an instance that was replaced."""
    assert shown(an_ack("a"), an_ack("b"), an_ack("a"), an_ack("b")) == ["", "", "haproxy", "haproxy"]
    assert shown(*map(an_ack, "abcabc")) == ["", "", "", *["haproxy"] * 3]


def test_one_that_is_started_again() -> None:
    """However often."""
    assert not any(shown(*map(an_ack, "aabbccddeeffgg")))


def test_one_name_for_different_rollouts() -> None:
    """Actuators may share the rollouts among them."""
    assert not any(shown(an_ack("a", "r"), an_ack("b", "s"), an_ack("a", "r"), an_ack("b", "s")))


def test_acks_that_are_read_again() -> None:
    """After a rebalance."""
    watched, acks = Instances(), [an_ack("a"), an_ack("b")]
    assert [watched.doubled(value, 0, offset) for _ in range(3) for offset, value in enumerate(acks)] == [""] * 6


def test_acks_in_another_partition() -> None:
    """Partitions were added to `command-acks`: offsets begin again."""
    watched = Instances()
    found = [watched.doubled(an_ack("a"), 0, 500), *(watched.doubled(an_ack("ba"[n]), 1, n) for n in range(2))]
    assert found == ["", "", "haproxy"]


def test_acks_without_an_instance() -> None:
    """Of an older build."""
    assert shown(an_ack(None), an_ack("a"), an_ack(None), an_ack("a")) == [""] * 4


def test_how_many_are_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one without an ack for longest is left out."""
    monkeypatch.setattr(instances, "MOST_WATCHED", 2)
    found = shown(an_ack("a"), an_ack("b"), an_ack("a", "s"), an_ack("a", "t"), an_ack("a"))
    assert found == [""] * 5


def test_it_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    """Each time by the metric, once a minute by the log."""
    watched, counter = Instances(), metrics.DOUBLED_ACTUATORS.labels("haproxy")._value
    before = counter.get()
    for offset, instance in enumerate("ababab"):
        watched.report(an_ack(instance), 0, offset)
    assert counter.get() - before == 4
    assert caplog.text.count("two actuators are named haproxy") == 1
