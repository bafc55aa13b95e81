"""Durations, shares and numbers as people write them: read strictly, printed canonically.

Durations are whole milliseconds, shares are fractions from 0 to 1. Each reader takes whatever a YAML or JSON document
holds, and returns the quantity or raises ValueError with what is wrong and what to write. NaN, infinities and booleans
are never quantities.
"""

import math
import re
from decimal import Decimal
from functools import lru_cache

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
LONGEST_MS = 366 * DAY_MS
SMALLEST_SHARE = 1e-9

_UNITS = (("d", DAY_MS), ("h", HOUR_MS), ("m", MINUTE_MS), ("s", SECOND_MS), ("ms", 1))
_DURATION = re.compile("".join(f"(?:([0-9]{{1,15}}){unit})?" for unit, _ in _UNITS))
_PERCENT = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,30})?) ?%")
_LONGEST_SHOWN = 60


def shown(value: object) -> str:
    """Return `value` as text that is short and safe enough for a message."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple | set | frozenset):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) >= 10**18:
        return "a very large number"
    text = repr(value) if isinstance(value, str | bytes) else str(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def parse_duration(value: object) -> int:
    """Read a duration such as `500ms`, `30s`, `5m`, `1h30m` or `2d` as milliseconds.

    Units go from large to small, each at most once, whole numbers only; at most 366 days.
    A bare number is refused, because it could mean seconds or milliseconds.

    >>> parse_duration("1h30m")
    5400000
    """
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LONGEST_MS:
        number = shown(value)
        raise ValueError(f"{number} has no unit; write {number}s for seconds or {number}ms for milliseconds")
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or not match.group():
        raise ValueError(
            f"{shown(value)} is not a duration; write whole numbers with their units, such as 500ms, 30s, 5m or 1h30m"
        )
    ms = sum(int(digits) * size for digits, (_, size) in zip(match.groups(), _UNITS, strict=True) if digits)
    if ms > LONGEST_MS:
        raise ValueError(f"{shown(value)} is too long; write at most {format_duration(LONGEST_MS)}")
    return ms


@lru_cache(maxsize=1 << 10)
def format_duration(ms: int) -> str:
    """Print milliseconds in the one canonical form that `parse_duration` reads back; ValueError below zero.

    >>> format_duration(300_000), format_duration(90_500), format_duration(0)
    ('5m', '1m30s500ms', '0s')
    """
    if ms < 0:
        raise ValueError(f"a duration is never negative, and this one is {ms} ms")
    parts: list[str] = []
    for unit, size in _UNITS:
        count, ms = divmod(ms, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def parse_number(value: object) -> float:
    """Read a finite number; texts, booleans, NaN and infinities raise ValueError.

    >>> parse_number(2)
    2.0
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{shown(value)} is not a number; write digits without quotes, such as 1.25")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{shown(value)} is not a finite number; write one such as 1.25")
    return number


def parse_share(value: object) -> float:
    """Read a share of a whole, `5%` or `0.05`, as a fraction from 0 to 1; else ValueError.

    A bare number above 1 is refused, because `5` may mean 5% or 500%. A share other than zero is
    at least 1e-9.

    >>> parse_share("1%"), parse_share(0.01)
    (0.01, 0.01)
    """
    if isinstance(value, str):
        match = _PERCENT.fullmatch(value.strip())
        if match is None:
            raise ValueError(f"{shown(value)} is not a share; write a percentage such as 5% or a number such as 0.05")
        share = float(f"{match.group(1)}e-2")
    else:
        try:
            share = parse_number(value)
        except ValueError:
            raise ValueError(f"{shown(value)} is not a share; write one such as 5% or 0.05") from None
        if 1 < share <= 100:
            raise ValueError(f"{value} is not a share; write {value}% or {share / 100:.6g}")
    if not 0 <= share <= 1:
        raise ValueError(f"{shown(value)} is not a share; write one from 0% to 100%")
    if 0 < share < SMALLEST_SHARE:
        raise ValueError(f"{shown(value)} is too small a share; write 0% or at least 0.0000001%")
    return share + 0.0  # turns -0.0 into 0.0, so that equal shares print alike


def format_share(share: float) -> str:
    """Print a fraction as the percentage that `parse_share` reads back to the very same float.

    >>> format_share(0.01), format_share(0.125), format_share(1.0)
    ('1%', '12.5%', '100%')
    """
    digits = f"{Decimal(repr(share)).scaleb(2):f}"
    return (digits.rstrip("0").rstrip(".") if "." in digits else digits) + "%"
