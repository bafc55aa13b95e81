"""Figures as text, in the form that all messages share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import isinf

from gates.documents.quantities import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, format_duration
from gates.telemetry import WHY_MISSING

LATEST_MS = 250_000_000_000_000
"""A time of the year 9892, from outside perhaps; dates end with the year 9999."""

LONGEST_ESTIMATE_S = 100 * 86_400


def percent(share: float) -> str:
    """A share with two significant digits.

    >>> percent(0.041), percent(0.00391), percent(1.0), percent(0.0)
    ('4.1%', '0.39%', '100%', '0%')
    """
    return f"{significant_text(share * 100.0, 2 if share < 0.0995 else 3)}%"


def count(number: int) -> str:
    """A count with thousands apart.

    >>> count(18160)
    '18,160'
    """
    return f"{number:,}"


def milliseconds(value: float) -> str:
    """A latency with three significant digits.

    >>> milliseconds(812.4), milliseconds(3.14159), milliseconds(12345.6)
    ('812 ms', '3.14 ms', '12,346 ms')
    """
    return f"{value:,.0f} ms" if value >= 100 else f"{significant_text(value, 3)} ms"


def significant_text(value: float, digits: int) -> str:
    """A non-negative figure to `digits` significant digits, whole from 1,000 on; no exponent, no trailing zeros.

    >>> significant_text(0.000123, 2), significant_text(312.04, 3), significant_text(1e9, 3)
    ('0.00012', '312', '1,000,000,000')
    """
    rounded = float(f"{value:.{digits}g}")
    if rounded >= 1000 or rounded == int(rounded):
        return f"{rounded:,.0f}"
    return f"{rounded:.12f}".rstrip("0")


def signed_text(value: float) -> str:
    """A figure of either sign with three significant digits.

    >>> signed_text(-0.01234), signed_text(12345.0)
    ('-0.0123', '12,300')
    """
    return f"-{significant_text(-value, 3)}" if value < 0 else significant_text(value, 3)


def e_value(value: float) -> str:
    """An e-value, short even where it is astronomic.

    >>> e_value(312.04), e_value(0.94), e_value(1.3e40)
    ('312', '0.94', 'over 1,000,000')
    """
    if value < 0.001:
        return "under 0.001"
    return "over 1,000,000" if value > 1e6 else significant_text(value, 3)


def figure(value: float, unit: str) -> str:
    """A verdict's figure in its unit.

    >>> figure(0.041, "share"), figure(812.4, "ms"), figure(-3.5, "number")
    ('4.1%', '812 ms', '-3.5')
    """
    if unit == "number":
        return signed_text(value)
    return percent(value) if unit == "share" else milliseconds(value)


def part_text(part: str) -> str:
    """A part of the candidate, by its name in the evidence.

    >>> part_text("user 1 of 2"), part_text("all but emitter group 3 of 8")
    ('one half of the users (1 of 2)', 'all but emitter group 3 of 8')
    """
    kind, _, place = part.partition(" ")
    return f"one half of the users ({place})" if kind == "user" and place.endswith(" of 2") else part


def rate(name: str, errors: int, requests: int) -> str:
    """An error rate with its counts.

    >>> rate("canary", 83, 2024)
    'canary 4.1% (83 of 2,024)'
    """
    if requests == 0:
        return f"{name} without requests"
    return f"{name} {percent(errors / requests)} ({count(errors)} of {count(requests)})"


def bound_of_ratio(ratio: float, baseline: str, margin: float) -> str:
    """What a rate must be below: a multiple of the baseline's, plus points.

    >>> bound_of_ratio(4.0, "stable", 0.005), bound_of_ratio(1.0, "stable", 0.0012), bound_of_ratio(1.25, "stable", 0.0)
    ("4 x stable's rate + 0.5 points", "stable's rate + 0.12 points", "1.25 x stable's rate")
    """
    multiple = "" if ratio == 1.0 else f"{significant_text(ratio, 4)} x "
    return f"{multiple}{baseline}'s rate" + (f" + {significant_text(margin * 100.0, 2)} points" if margin else "")


def estimate(seconds: float) -> str:
    """An estimated duration, in one unit: the figures are only good to about half of themselves.

    >>> [estimate(seconds) for seconds in (0.2, 90, 2_458, 57_120, 457_380, float("inf"))]
    ['1s', '90s', '41m', '16h', '5d', 'never']
    """
    if isinf(seconds):
        return "never"
    if seconds > LONGEST_ESTIMATE_S:
        return "over 100d"
    ms = max(SECOND_MS, seconds * SECOND_MS)
    unit = SECOND_MS if ms < 2 * MINUTE_MS else MINUTE_MS if ms < HOUR_MS else HOUR_MS if ms < 2 * DAY_MS else DAY_MS
    letter = {SECOND_MS: "s", MINUTE_MS: "m", HOUR_MS: "h", DAY_MS: "d"}[unit]
    return f"{round(ms / unit)}{letter}"


def clock_time(ms: int) -> str:
    """Event time as a person reads it, in UTC.

    >>> clock_time(1767225630000), clock_time(1 << 62)
    ('00:00:30Z', '12:26:40Z')
    """
    return datetime.fromtimestamp(min(max(ms, 0), LATEST_MS) // 1000, UTC).strftime("%H:%M:%SZ")


def date_time(ms: int) -> str:
    """Event time with its date, in UTC, to the second; beyond what a date can have, the nearest one that it can.

    >>> date_time(1767225630000), date_time(1 << 62)
    ('2026-01-01 00:00:30Z', '9892-03-08 12:26:40Z')
    """
    return datetime.fromtimestamp(min(max(ms, 0), LATEST_MS) // 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def weights_text(weights: Mapping[str, float]) -> str:
    """The per cent of the traffic of each cohort.

    >>> weights_text({"stable": 97.5, "canary": 2.5})
    'stable 97.5%, canary 2.5%'
    """
    return ", ".join(f"{cohort} {significant_text(weight, 6)}%" for cohort, weight in weights.items())


def silence(cohorts: Sequence[str], silent_ms: int) -> str:
    """Cohorts without requests.

    >>> silence(("canary", "stable"), 30_000)
    'canary and stable have had no requests for 30s'
    """
    verb = "has" if len(cohorts) == 1 else "have"
    return f"{' and '.join(cohorts)} {verb} had no requests for {format_duration(silent_ms)}"


def missing_events(missing: Mapping[str, int], events: int, when: str = "") -> str:
    """How many of a cohort's `events` are missing, by cause; a cause of a later version is shown by its name.

    >>> missing_events({"late": 4, "unreadable": 6}, 100, "stage half")
    '4 of 100 events of stage half arrived too late, 6 could not be read'
    >>> missing_events({"late": 0}, 100)
    ''
    """
    of = f" of {count(events)} events{f' of {when}' if when else ''}"
    found = [(number, WHY_MISSING.get(cause, cause)) for cause, number in missing.items() if number]
    return ", ".join(f"{count(number)}{'' if place else of} {why}" for place, (number, why) in enumerate(found))
