"""A worker's log: warnings of libraries, but not the ones that hide all others."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from mode import timers

from streams.worker.app import LEAST, quieten


@pytest.fixture(autouse=True)
def levels() -> Iterator[None]:
    """Leave the levels as they were."""
    before = {name: logging.getLogger(name).level for name in LEAST}
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def test_timers_that_are_late_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Under load there are dozens of these warnings a minute; what else the library warns of is logged."""
    quieten()
    timers.logger.warning("Timer %s is overlapping", "livelock")
    logging.getLogger("mode.services").warning("cannot stop")
    assert [record.getMessage() for record in caplog.records] == ["cannot stop"]
