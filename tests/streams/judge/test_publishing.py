"""What the judge reports in its log about clocks, in words that name the one that is wrong."""

from __future__ import annotations

import logging

import pytest

from streams.judge.journal_time import ClockLeap
from streams.judge.outputs import EventTimeMended
from streams.judge.publishing import Publisher
from streams.runtime.health import Health
from tests.streams.judge.test_sending import Broker, a_sender

T0 = 1_767_225_600_000


@pytest.mark.parametrize(
    ("leap", "level", "words"),
    [
        (
            ClockLeap("w1", -86_399_700, confirmed=True),
            logging.ERROR,
            "journal time is 86399.7 s ahead of the clock of worker w1, which the broker or events confirm",
        ),
        (
            ClockLeap("w1", 30_731, confirmed=True),
            logging.INFO,
            "journal time is 30.731 s behind the clock of worker w1, which the broker confirms: no worker was there",
        ),
        (
            ClockLeap("w1", 60_000),
            logging.ERROR,
            "the clock of worker w1 is 60 s ahead of journal time, nothing confirms it, and it is not followed yet",
        ),
        (
            ClockLeap("w1", -60_000),
            logging.ERROR,
            "the clock of worker w1 is 60 s behind journal time, nothing confirms it, and it is not followed;",
        ),
    ],
)
async def test_a_leap_names_the_clock_that_is_wrong(
    leap: ClockLeap, level: int, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An outage of all workers is no error."""
    caplog.set_level(logging.INFO)
    Publisher(a_sender(Broker(), Health()), {}).publish(leap)
    (record,) = [each for each in caplog.records if each.name == "streams.judge.publishing"]
    assert record.levelno == level
    assert words in record.getMessage()


async def test_a_rollout_that_is_judged_from_another_time_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    """With both times and their dates, and what becomes of it."""
    Publisher(a_sender(Broker(), Health()), {}).publish(EventTimeMended("checkout-v2", T0 + 86_400_000, T0))
    assert "checkout-v2 was judged up to 2026-01-02 00:00:00Z by a clock that was wrong" in caplog.text
    assert "it is judged from 2026-01-01 00:00:00Z on, and its stage and its evidence begin again" in caplog.text
