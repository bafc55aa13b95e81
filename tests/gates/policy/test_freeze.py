"""Freeze windows: which moments they cover, until when, in which time zone."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gates.policy import Policy, PolicyError
from gates.policy.freeze import FreezeWindow, cover_the_week, frozen_until
from tests.gates.good_policy import changed

BERLIN = "Europe/Berlin"
FRIDAY = {"days": ["fri"], "from": "16:00", "to": "23:59", "zone": BERLIN}


def ms(text: str, zone: str = BERLIN, fold: int = 0) -> int:
    """A local time as milliseconds since the epoch."""
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp() * 1000)


def windows(*documents: dict[str, Any]) -> list[FreezeWindow]:
    """The windows of a policy that has these."""
    return list(changed({"freeze": list(documents)}).freeze or ())


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2026-11-27 15:59:59", None),
        ("2026-11-27 16:00:00", "2026-11-28 00:00"),
        ("2026-11-27 23:59:59", "2026-11-28 00:00"),
        ("2026-11-28 00:00:00", None),
        ("2026-11-26 18:00:00", None),
        ("2026-07-03 16:00:00", "2026-07-04 00:00"),  # in summer time, an hour earlier by UTC
    ],
)
def test_a_window_of_one_evening(at: str, until: str | None) -> None:
    """From its first minute to the end of its last, by the clock of its zone."""
    assert frozen_until(windows(FRIDAY), ms(at)) == (None if until is None else ms(until))


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2026-11-27 21:59", None),
        ("2026-11-27 22:00", "2026-11-28 06:01"),
        ("2026-11-28 06:00", "2026-11-28 06:01"),
        ("2026-11-28 06:01", None),
        ("2026-11-28 22:00", None),
        ("2026-11-27 03:00", None),
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_it_begins_on(at: str, until: str | None) -> None:
    """Its end is on the next day."""
    night = {"days": ["fri"], "from": "22:00", "to": "06:00", "zone": BERLIN}
    assert frozen_until(windows(night), ms(at)) == (None if until is None else ms(until))


def test_adjoining_windows_are_one_freeze() -> None:
    """Friday evening and a weekend without a gap between them."""
    weekend = {"days": ["sat", "sun"], "zone": BERLIN}
    assert frozen_until(windows(FRIDAY, weekend), ms("2026-11-27 17:00")) == ms("2026-11-30 00:00")


def test_the_hour_that_comes_twice_is_frozen_twice() -> None:
    """When clocks go back, the second 02:30 is within the window too, and its end is not in the past."""
    night = windows({"from": "01:00", "to": "02:44", "zone": BERLIN})
    assert frozen_until(night, ms("2026-10-25 02:30", fold=0)) == ms("2026-10-25 02:45", fold=0)
    assert frozen_until(night, ms("2026-10-25 02:30", fold=1)) == ms("2026-10-25 02:45", fold=1)


def test_every_day_without_an_end() -> None:
    """Windows without a gap end somewhere, and a time beyond the calendar is no error."""
    always = [FreezeWindow()]
    assert always[0].zone == "UTC"
    assert (frozen_until(always, ms("2026-11-27 17:00")) or 0) > ms("2026-12-05 00:00")
    assert frozen_until(always, 1 << 62) is not None


def test_windows_are_part_of_the_policy() -> None:
    """They are written back as they were read; a policy without them has the hash that it always had."""
    policy = changed({"freeze": [FRIDAY]})
    assert policy.document()["freeze"] == [FRIDAY]
    assert Policy.parse(policy.document()) == policy
    assert "freeze" not in changed({}).document()


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"days": ["friday"]}, "freeze[0].days", "'friday' is not a day; write mon, tue"),
        ({"days": []}, "freeze[0].days", "is empty; write at least one of mon, tue"),
        ({"days": "fri"}, "freeze[0].days", "must be a list of days, not 'fri'; write a list with at least one of mon"),
        (
            {"from": 960},
            "freeze[0].from",
            '960 is not a time of day; write hours and minutes in quotes, two digits each, such as "08:00"',
        ),
        (
            {"to": "24:00"},
            "freeze[0].to",
            "'24:00' is not a time of day; write hours and minutes in quotes, \"23:59\",",
        ),
        ({"to": "8:00"}, "freeze[0].to", "'8:00' is not a time of day; write hours and minutes in quotes, two digits"),
        ({"zone": "Berlin"}, "freeze[0].zone", "'Berlin' is not a time zone; write one such as Europe/Berlin, or UTC"),
        ({"zone": "Europe"}, "freeze[0].zone", "'Europe' is not a time zone"),
        ({"zone": "../UTC"}, "freeze[0].zone", "'../UTC' is not a time zone"),
        ({"until": "x"}, "freeze[0].until", "is an unknown key"),
    ],
)
def test_faults(change: dict[str, Any], path: str, message: str) -> None:
    """Each with its path and what to write."""
    with pytest.raises(PolicyError) as error:
        changed({"freeze": [FRIDAY | change]})
    (fault,) = error.value.faults
    assert fault.path == path
    assert fault.message.startswith(message)


@pytest.mark.parametrize(
    ("documents", "covered"),
    [
        ([{}], True),
        ([{"from": "12:00", "to": "11:59"}], True),
        ([{"days": ["mon", "tue", "wed", "thu"]}, {"days": ["fri", "sat", "sun"], "zone": "UTC"}], True),
        ([{"zone": "Asia/Tokyo"}], True),
        (
            [{"to": "11:59"}, {"from": "14:00", "to": "00:59", "zone": BERLIN}, {"from": "12:00", "to": "12:59"}],
            False,
        ),  # in summer an hour is free
        ([{"from": "12:00", "to": "11:58"}], False),
        ([{"days": ["mon", "tue", "wed", "thu", "fri", "sat"]}], False),
        ([{"days": "every"}], False),
        ([], False),
    ],
)
def test_a_freeze_of_the_whole_week_is_a_fault(documents: list[dict[str, Any]], covered: bool) -> None:
    """The rollout would never advance. Windows that cannot be read are faults of their own."""
    faults: dict[str, str] = {}
    try:
        assert not cover_the_week(windows(*documents))
    except PolicyError as error:
        faults = {fault.path: fault.message for fault in error.faults}
    message = "covers the whole week: the rollout would never advance; leave some time out"
    assert faults.get("freeze") == (message if covered else None)
