"""Health: what /healthz and /readyz answer for each loop."""

from __future__ import annotations

from streams.runtime.health import Health


def test_a_loop_without_headway_is_not_alive() -> None:
    """After the longest pause, until its next beat."""
    health = Health(longest_pause=10.0)
    pulse = health.pulse("judge")
    assert health.alive() == (True, {"judge": "ok"})
    pulse.last -= 11
    assert health.alive() == (False, {"judge": "no progress for 11s"})
    pulse.beat()
    assert health.alive()[0]


def test_trouble_is_shown_although_the_loop_beats() -> None:
    """A lasting problem is for a person, and fails health."""
    health = Health()
    health.pulse("ingest")
    health.pulse("judge").trouble = "journal partition 1 is truncated"
    assert health.alive() == (False, {"ingest": "ok", "judge": "journal partition 1 is truncated"})


def test_orders_that_are_not_in_force_are_shown() -> None:
    """An actuator that cannot write its target is not healthy."""
    health = Health()
    health.pulse("actuator").unapplied = "r1:1:2 is not applied: OSError: No space left on device"
    assert health.alive() == (False, {"actuator": "r1:1:2 is not applied: OSError: No space left on device"})


def test_a_worker_is_ready_when_every_loop_is() -> None:
    """A loop is ready once it has joined its group and has a partition; a worker without loops is."""
    health = Health()
    assert health.ready() == (True, {})
    health.pulse("ingest").join(3)
    judge = health.pulse("judge")
    assert health.ready() == (False, {"ingest": "ok", "judge": "joining its consumer group"})
    judge.join(0)
    assert health.ready() == (False, {"ingest": "ok", "judge": "no partition: a spare"})
    judge.join(1)
    assert health.ready() == (True, {"ingest": "ok", "judge": "ok"})


def test_partitions_that_cannot_be_read_are_shown() -> None:
    """Beside a trouble, if there is one; the watchdog does not end the worker for them."""
    health = Health()
    pulse = health.pulse("judge")
    pulse.stalled = "cannot read gate-journal partition 1: CorruptRecordException at offset 7"
    assert health.alive() == (False, {"judge": pulse.stalled})
    pulse.trouble = "journal partition 0 is truncated"
    assert health.alive() == (False, {"judge": f"journal partition 0 is truncated; {pulse.stalled}"})
    pulse.stalled = pulse.trouble = ""
    assert health.alive() == (True, {"judge": "ok"})
