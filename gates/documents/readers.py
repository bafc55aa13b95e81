"""Readers: each takes whatever a document holds, and returns the value or raises ValueError with what to write."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal, TypeVar, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from gates.documents.quantities import (
    HOUR_MS,
    MINUTE_MS,
    SECOND_MS,
    format_duration,
    format_share,
    parse_duration,
    parse_number,
    parse_share,
    shown,
)

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
T = TypeVar("T")

DAYS: tuple[Day, ...] = get_args(Day)
LONGEST_WINDOW_MS = HOUR_MS
HIGHEST_ALPHA = 0.5
HIGHEST_ERROR_LIMIT = 0.95
LONGEST_LATENCY_LIMIT_MS = 240_000
"""The latency histogram ends at 256 s: a limit near its end could not be distinguished from a higher one."""
HIGHEST_RATIO = 1000.0
MOST_ACTUATORS = 32
"""Actuators that a policy may name; each order keeps the reports of this many."""
MOST_EMITTERS_EXPECTED = 100
MOST_MARGIN = 0.5
"""A margin of more than half of all events leaves nothing to show."""
AUTO: Literal["auto"] = "auto"
"""A number that is taken from what was usual before."""


def readable(reader: Callable[[object], T], value: object) -> T | None:
    """What `reader` makes of the value; None where it cannot be read, which is a fault of its own."""
    try:
        return reader(value)
    except ValueError:
        return None


def identifier(longest: int) -> Callable[[object], str]:
    """Make the reader of names that become keys, ids and addresses: ASCII letters, digits, `.`, `_` and `-`."""
    pattern = re.compile(f"[A-Za-z0-9][A-Za-z0-9._-]{{0,{longest - 1}}}")

    def read(value: object) -> str:
        name = printable(1, longest)(value)
        if pattern.fullmatch(name) is None:
            raise ValueError(
                f"{shown(name)} is not a usable name; begin with a letter or digit, and use only letters, digits, "
                "dots, underscores and hyphens"
            )
        return name

    return read


def printable(shortest: int, longest: int) -> Callable[[object], str]:
    """Make the reader of texts of `shortest` to `longest` printable characters."""

    def read(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError(f"{shown(value)} is not text; put it in quotes")
        if not shortest <= len(value) <= longest:
            raise ValueError(f"has {len(value)} characters; write {shortest} to {longest}")
        if not value.isprintable():
            raise ValueError(f"{shown(value)} has line breaks or invisible characters; remove them")
        return value

    return read


def whole_number(lowest: int, highest: int) -> Callable[[object], int]:
    """Make the reader of whole numbers within bounds, both included."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"{shown(value)} is not a whole number; write one such as {max(lowest, 20)}")
        if not lowest <= value <= highest:
            raise ValueError(f"{shown(value)} is out of range; write a whole number from {lowest} to {highest:,}")
        return value

    return read


def read_url(value: object) -> str:
    """Read an http or https address."""
    text = printable(1, 2048)(value)
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in text
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"{shown(text)} is not a web address; write one such as https://wiki.example/runbook")
    return text


def read_positive_duration(value: object) -> int:
    """Read a duration longer than zero, in milliseconds."""
    ms = parse_duration(value)
    if ms == 0:
        raise ValueError(f"{shown(value)} is too short; write a duration longer than zero, such as 30s")
    return ms


def read_latency_limit(value: object) -> int:
    """Read a latency limit, in milliseconds: one within the range of the histogram."""
    ms = read_positive_duration(value)
    if ms > LONGEST_LATENCY_LIMIT_MS:
        longest = format_duration(LONGEST_LATENCY_LIMIT_MS)
        raise ValueError(f"{shown(value)} can never fail: latencies are measured up to {longest}; write a lower limit")
    return ms


def read_alpha(value: object) -> float:
    """Read an error probability: above zero, at most a half."""
    share = read_positive_share(value)
    if share > HIGHEST_ALPHA:
        raise ValueError(
            f"{shown(value)} is too large an error probability; write at most {format_share(HIGHEST_ALPHA)}, such as 1%"
        )
    return share


def read_pane(value: object) -> int:
    """Read the pane: whole seconds, from 1s to 1m, in milliseconds."""
    ms = parse_duration(value)
    if ms % SECOND_MS or not SECOND_MS <= ms <= MINUTE_MS:
        raise ValueError(f"{shown(value)} is not a usable pane; write whole seconds from 1s to 1m")
    return ms


def read_window(value: object) -> int:
    """Read a sliding window: longer than zero, at most an hour, in milliseconds."""
    ms = read_positive_duration(value)
    if ms > LONGEST_WINDOW_MS:
        raise ValueError(f"{shown(value)} is too long; write at most {format_duration(LONGEST_WINDOW_MS)}")
    return ms


def read_positive_share(value: object) -> float:
    """Read a share above 0% and up to 100%."""
    share = parse_share(value)
    if share == 0:
        raise ValueError(f"{shown(value)} is too small; write a share above 0%, up to 100%")
    return share


def read_error_limit(value: object) -> float:
    """Read the highest acceptable error share: above 0% and low enough that exceeding it is possible."""
    share = read_positive_share(value)
    if share > HIGHEST_ERROR_LIMIT:
        raise ValueError(
            f"{shown(value)} can hardly fail; write at most {format_share(HIGHEST_ERROR_LIMIT)}, usually a few percent"
        )
    return share


def read_margin(value: object) -> float:
    """Read the share of events that may be added to a rate: 0% to 50%."""
    margin = parse_share(value)
    if margin > MOST_MARGIN:
        raise ValueError(
            f"{shown(value)} accepts almost any rate; write at most {format_share(MOST_MARGIN)}, usually 0.5% or less"
        )
    return margin


def read_quantile(value: object) -> float:
    """Read a quantile, strictly between 0 and 1."""
    quantile = parse_number(value)
    if not 0 < quantile < 1:
        raise ValueError(f"{shown(value)} is not a quantile; write a number between 0 and 1, such as 0.95 for p95")
    return quantile


def read_ratio(value: object) -> float:
    """Read the largest acceptable multiple of the baseline's figure: 1 or more."""
    ratio = parse_number(value)
    if not 1 <= ratio <= HIGHEST_RATIO:
        raise ValueError(
            f"{shown(value)} is not a usable ratio of candidate to baseline; write 1 or more (at most "
            f"{HIGHEST_RATIO:g}), such as 1.25 for a quarter more"
        )
    return ratio


def read_slo(value: object) -> float:
    """Read an objective: a share strictly between 0% and 100%, because 100% leaves no error budget."""
    share = read_positive_share(value)
    if share == 1.0:
        raise ValueError(f"{shown(value)} leaves no error budget; write less, such as 99.9%")
    return share


def read_number(value: object) -> float:
    """Read a finite number of any sign."""
    return parse_number(value) + 0.0


def read_positive_number(value: object) -> float:
    """Read a finite number above zero."""
    number = parse_number(value)
    if number <= 0:
        raise ValueError(f"{shown(value)} is not above zero; write a positive number, such as 1")
    return number


def read_switch(value: object) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{shown(value)} is not a switch; write true or false")
    return value


def read_dispersion(value: object) -> float:
    """Read a dispersion (variance of error counts, divided by that of independent errors): 1 or more."""
    number = parse_number(value)
    if not 1 <= number <= HIGHEST_RATIO:
        raise ValueError(f"{shown(value)} is not a dispersion; write 1 (independent errors) or more, such as 4")
    return number


def read_expected_emitters(value: object) -> int | Mapping[str, int] | Literal["auto"]:
    """Read a number of emitters: of both cohorts together, by the cohort's name, or `auto`."""
    if value == AUTO:
        return AUTO
    number = whole_number(1, MOST_EMITTERS_EXPECTED)
    if not isinstance(value, Mapping):
        if isinstance(value, int) and not isinstance(value, bool):
            return number(value)
        raise ValueError(
            f"{shown(value)} is not a number of emitters; write one such as 12, one for each cohort such as "
            "{canary: 2, stable: 10}, or auto"
        )
    if not 1 <= len(value) <= 2:
        raise ValueError(f"has {len(value)} cohorts; write one or two, such as {{canary: 2, stable: 10}}")
    return MappingProxyType({printable(1, 128)(name): number(value[name]) for name in sorted(value, key=str)})


def read_actuator_names(value: object) -> tuple[str, ...]:
    """The names of actuators, at least one and each once."""
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(f"{shown(value)} is not a list of actuators; write names, such as [haproxy-eu, haproxy-us]")
    names = tuple(printable(1, 128)(name) for name in value)
    if len(set(names)) < len(names):
        raise ValueError("names an actuator twice; write each once")
    if len(names) > MOST_ACTUATORS:
        raise ValueError(f"has {len(names)} actuators; write at most {MOST_ACTUATORS}")
    return names


def read_days(value: object) -> tuple[Day, ...]:
    """Read days of the week, at least one and each once, into the order of the week."""
    words = ", ".join(DAYS)
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a list of days, not {shown(value)}; write a list with at least one of {words}")
    if not value:
        raise ValueError(f"is empty; write at least one of {words}")
    for day in value:
        if day not in DAYS:
            raise ValueError(f"{shown(day)} is not a day; write {words}")
    return tuple(day for day in DAYS if day in value)


def read_clock_minute(value: object) -> int:
    """Read a time of day, such as `16:00`, as minutes since midnight."""
    match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", value) if isinstance(value, str) else None
    if match is None:
        example = {"24:00": '"23:59", the last minute'}.get(str(value), 'two digits each, such as "08:00" or "16:00"')
        raise ValueError(f"{shown(value)} is not a time of day; write hours and minutes in quotes, {example}")
    return int(match[1]) * 60 + int(match[2])


def read_zone(value: object) -> str:
    """Read the name of a time zone."""
    name = printable(1, 64)(value)
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):  # OSError: the name is that of a folder, such as `Europe`
        raise ValueError(f"{shown(name)} is not a time zone; write one such as Europe/Berlin, or UTC") from None
    return name
