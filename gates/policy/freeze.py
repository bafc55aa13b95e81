"""Freeze windows: times of the week in which a rollout does not advance."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import Field

from gates.documents.fields import ClockMinute, Days, ZoneName
from gates.documents.quantities import MINUTE_MS
from gates.documents.readers import DAYS
from gates.slis.definition import Part
from gates.text import LATEST_MS

DAY_MINUTES = 24 * 60
WEEK_MS = 7 * 24 * 60 * MINUTE_MS
A_WINTER_WEEK_MS, A_SUMMER_WEEK_MS = 1_767_571_200_000, 1_783_296_000_000
"""Two Mondays: between zones, windows may adjoin in one season only."""

MOST_ADJOINING = 16
"""Windows that are joined to one freeze; windows without a gap would never end."""


class FreezeWindow(Part):
    """A time of the week, on the clock of a time zone, in which the rollout neither starts nor advances.

    It lasts from the minute `from` to the end of the minute `to`, on each of the `days`; with a `to` before `from`, to
    that minute of the next day.
    """

    days: Days = Field(default=DAYS, examples=[["fri"]], description="The days on which the window begins.")
    begins: ClockMinute = Field(
        default=0, alias="from", examples=["16:00"], description="The first minute, as hours and minutes in quotes."
    )
    ends: ClockMinute = Field(
        default=DAY_MINUTES - 1, alias="to", examples=["23:59"], description="The last minute; it is frozen, too."
    )
    zone: ZoneName = Field(default="UTC", examples=["Europe/Berlin"], description="The time zone of the clock.")

    def end_at(self, at: int) -> int | None:
        """The event time (ms) at which the window that holds at `at` ends; None if none holds."""
        local = datetime.fromtimestamp(min(at, LATEST_MS) // 1000, ZoneInfo(self.zone))
        minute = local.hour * 60 + local.minute
        overnight = self.ends < self.begins
        if minute >= self.begins and (overnight or minute <= self.ends):
            first, length = local, self.ends + 1 + DAY_MINUTES * overnight
        elif overnight and minute <= self.ends:
            first, length = local - timedelta(days=1), self.ends + 1 + DAY_MINUTES
        else:
            return None
        if DAYS[first.weekday()] not in self.days:
            return None
        # On the wall clock, and with the `fold` of now: when clocks go back, an hour comes twice.
        end = first.replace(hour=0, minute=0, second=0) + timedelta(minutes=length)
        return max(round(end.replace(fold=local.fold).timestamp()) * 1000, at - at % MINUTE_MS + MINUTE_MS)


def cover_the_week(windows: Iterable[FreezeWindow]) -> bool:
    """Whether together they leave no minute of any week."""
    known = tuple(windows)
    return all(_cover(known, week) for week in (A_WINTER_WEEK_MS, A_SUMMER_WEEK_MS))


def _cover(windows: tuple[FreezeWindow, ...], week: int) -> bool:
    at = week
    while at < week + WEEK_MS:
        ends = [end for window in windows if (end := window.end_at(at)) is not None]
        if not ends:
            return False
        at = max(ends)
    return True


def frozen_until(windows: Iterable[FreezeWindow], at: int) -> int | None:
    """The event time at which the windows that hold at `at`, and those that adjoin them, end; None if none holds."""
    until = at
    for _ in range(MOST_ADJOINING):
        ends = [end for window in windows if (end := window.end_at(until)) is not None]
        if not ends:
            break
        until = max(ends)
    return until if until > at else None
