"""Workers that share a prefix, and not their settings, are named as long as they report."""

from __future__ import annotations

import logging

import pytest
from prometheus_client import REGISTRY

from streams.judge.agreement import MOST_DIFFERENT, REPORTED_MS, Agreement
from streams.judge.outputs import WorkerSettings

OWN = {"max_event_bytes": 1_000, "max_future_ms": 60_000}


class Clock:
    """The wall clock, moved by hand."""

    now = 1_767_225_600_000

    def __call__(self) -> int:
        """The time."""
        return self.now


def report(worker: str, wall: int, **settings: int) -> WorkerSettings:
    """Settings as a worker reports them."""
    return WorkerSettings(worker, wall, OWN | settings)


def shown(setting: str) -> float | None:
    """The metric of a setting."""
    return REGISTRY.get_sample_value("sluicegate_differing_settings", {"setting": setting})


def test_a_worker_with_other_settings(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged once, shown in a metric and listed; and no more once it has the same, or has gone."""
    clock = Clock()
    agreement = Agreement(OWN, clock)
    with caplog.at_level(logging.ERROR):
        for seconds in range(3):
            agreement.add(report("same", clock.now))
            agreement.add(report("other", clock.now - seconds, max_future_ms=5_000))
    assert caplog.messages == [
        "worker other shares the prefix and differs in its settings: max_future_ms 5000, here 60000; give all workers "
        "the same settings, or each installation a SLUICEGATE_TOPIC_PREFIX of its own"
    ]
    assert agreement.differences() == ["worker other has max_future_ms 5000, here 60000"]
    assert (shown("max_future_ms"), shown("max_event_bytes")) == (1.0, None)
    agreement.add(report("other", clock.now))
    assert (agreement.differences(), shown("max_future_ms")) == ([], 0.0)
    agreement.add(report("other", clock.now, max_event_bytes=7))
    clock.now += REPORTED_MS + 1
    assert (agreement.differences(), shown("max_event_bytes")) == ([], 0.0)


def test_what_is_not_about_now_is_ignored() -> None:
    """An old report of the journal; a setting that the other build does not know; names without end."""
    clock = Clock()
    agreement = Agreement(OWN, clock)
    agreement.add(report("old", clock.now - REPORTED_MS - 1, max_future_ms=5_000))
    agreement.add(WorkerSettings("older-build", clock.now, {"max_event_bytes": 1_000}))
    assert agreement.differences() == []
    for number in range(2 * MOST_DIFFERENT):
        agreement.add(report(f"w{number}", clock.now, max_future_ms=number))
    assert len(agreement.differences()) == MOST_DIFFERENT
