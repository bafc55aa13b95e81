"""Two actuators of one name are noticed by their acks; one that was started again is not mistaken for two."""

from __future__ import annotations

import pytest
from msgspec import structs

from streams.journal import Ack
from streams.judge import instances
from streams.judge.fold import Fold
from streams.judge.instances import Instances
from streams.judge.outputs import AckedBy
from streams.runtime import metrics
from tests.properties.journals import ROLLOUT
from tests.streams.judge.test_orders import a_start, fold

COUNTER = metrics.DOUBLED_ACTUATORS.labels("haproxy")._value


def acked(instance: str, offset: int, *, order: int = 1, rollout: str = "r") -> AckedBy:
    """An ack of an instance."""
    return AckedBy(rollout, "haproxy", instance, (1, order), offset)


def shown(watched: Instances, *acks: AckedBy) -> list[bool]:
    """Whether each of these shows two actuators."""
    found = []
    for ack in acks:
        before = COUNTER.get()
        watched.add(ack)
        found.append(COUNTER.get() > before)
    return found


def counted(letters: str) -> list[bool]:
    """Of acks of these instances, each a letter, in the order of their offsets."""
    return shown(Instances(), *(acked(each, offset) for offset, each in enumerate(letters)))


def test_two_at_work() -> None:
    """From the first ack on that comes from an instance that was replaced."""
    assert counted("abab") == [False, False, True, True]
    assert counted("abcabc") == [False, False, False, True, True, True]


def test_one_that_is_started_again() -> None:
    """However often."""
    assert not any(counted("aabbccddeeffgg"))


def test_one_name_for_different_rollouts() -> None:
    """Actuators may share the rollouts among them."""
    acks = [
        acked(each, offset, rollout=name)
        for offset, (each, name) in enumerate([("a", "r"), ("b", "s"), ("a", "r"), ("b", "s")])
    ]
    assert not any(shown(Instances(), *acks))


def test_acks_that_are_read_again() -> None:
    """After a recovery."""
    watched = Instances()
    for _ in range(3):
        assert shown(watched, acked("a", 0), acked("b", 1)) == [False, False]


def test_how_many_are_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one without an ack for longest is left out, and is shown no more."""
    monkeypatch.setattr(instances, "MOST_WATCHED", 2)
    watched = Instances()
    shown(watched, *(acked(each, offset) for offset, each in enumerate("aba")))
    assert watched.doubled("r") == ["haproxy"]
    shown(watched, acked("a", 3, rollout="s"), acked("a", 4, rollout="t"))
    assert watched.doubled("r") == []
    assert shown(watched, acked("b", 5)) == [False]


def test_how_long_they_are_shown() -> None:
    """Until one of them has acked an order alone; which of the two is faster means nothing."""
    watched, found = Instances(), []
    acks = zip("abbaabbabb", (1, 1, 2, 2, 3, 3, 4, 3, 4, 5), strict=True)
    for offset, (instance, order) in enumerate(acks):
        watched.add(acked(instance, offset, order=order))
        found.append(watched.doubled("r") == ["haproxy"])
    assert found == [False] * 3 + [True] * 6 + [False]
    assert watched.doubled("s") == []


def test_it_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Once a minute."""
    assert counted("ababab").count(True) == 4
    assert caplog.text.count("two actuators are named haproxy") == 1


@pytest.mark.parametrize("instance", ["", "a"])
def test_the_fold_gives_the_instance(instance: str) -> None:
    """An older build sends none."""
    judged = Fold(0)
    fold(judged, a_start())
    ack = Ack(id="", rollout=ROLLOUT, epoch=1, sequence=1, actuator="haproxy", status="applied", weights={}, at=5)
    if instance:
        ack = structs.replace(ack, instance=instance)
    given = [each for each in fold(judged, ack) if isinstance(each, AckedBy)]
    assert given == ([AckedBy(ROLLOUT, "haproxy", "a", (1, 1), 1)] if instance else [])
