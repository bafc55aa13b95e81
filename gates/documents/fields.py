"""The kinds of value a policy holds: how each is read, bounded and written back.

A field's type here is `Annotated[plain type, reader, printer]`, so that models read like a table.
Readers raise ValueError in plain words.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Literal, TypeVar, get_args
from urllib.parse import urlsplit

from pydantic import BeforeValidator, PlainSerializer, PlainValidator, WithJsonSchema, WrapSerializer

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

ErrorClass = Literal["1xx", "2xx", "3xx", "4xx", "5xx", "ok", "error"]
Family = Literal["errors", "latency", "business", "saturation", "telemetry"]
V = TypeVar("V")

ERROR_CLASSES: tuple[ErrorClass, ...] = get_args(ErrorClass)
LONGEST_WINDOW_MS = HOUR_MS
HIGHEST_ALPHA = 0.5
HIGHEST_ERROR_LIMIT = 0.95
LONGEST_LATENCY_LIMIT_MS = 240_000
HIGHEST_RATIO = 1000.0
MOST_EXPECTED = 100
MOST_STAGES = 100
MOST_CHECKS = 100
"""The judge asks each of them about each pane."""


def identifier(longest: int) -> Callable[[object], str]:
    """Make the reader of names that go into keys, ids and addresses: ASCII letters, digits, `.`, `_` and `-`."""
    pattern = re.compile(f"[A-Za-z0-9][A-Za-z0-9._-]{{0,{longest - 1}}}")

    def read(value: object) -> str:
        name = printable(1, longest)(value)
        if pattern.fullmatch(name) is None:
            raise ValueError(
                f"{shown(name)} is not a usable name: begin with a letter or digit and go on with letters, digits, "
                f"dots, underscores or hyphens"
            )
        return name

    return read


def printable(shortest: int, longest: int) -> Callable[[object], str]:
    """Make the reader of texts of so many printable characters."""

    def read(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError(f"{shown(value)} is not text: write text, in quotes where it looks like something else")
        if not shortest <= len(value) <= longest:
            raise ValueError(f"has {len(value)} characters: write {shortest} to {longest}")
        if not value.isprintable():
            raise ValueError(f"{shown(value)} holds line breaks or invisible characters: remove them")
        return value

    return read


def whole_number(lowest: int, highest: int) -> Callable[[object], int]:
    """Make the reader of whole numbers within bounds, both included."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"{shown(value)} is not a whole number: write one such as {max(lowest, 20)}")
        if not lowest <= value <= highest:
            raise ValueError(f"{shown(value)} is out of range: write a whole number from {lowest} to {highest:,}")
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
        raise ValueError(f"{shown(text)} is not a web address: write one such as https://wiki.example/runbook")
    return text


def read_positive_duration(value: object) -> int:
    """Read a duration longer than zero, in milliseconds."""
    ms = parse_duration(value)
    if ms == 0:
        raise ValueError(f"{shown(value)} is no time at all: write a duration longer than zero, such as 30s")
    return ms


def read_latency_limit(value: object) -> int:
    """Read a latency limit, in milliseconds: one that the histogram, which ends at 256 s, can tell from all else."""
    ms = read_positive_duration(value)
    if ms > LONGEST_LATENCY_LIMIT_MS:
        longest = format_duration(LONGEST_LATENCY_LIMIT_MS)
        raise ValueError(f"{shown(value)} is a limit that can never fail: latencies are told apart up to {longest}")
    return ms


def read_alpha(value: object) -> float:
    """Read an error probability: above zero, at most a half."""
    share = read_positive_share(value)
    if share > HIGHEST_ALPHA:
        raise ValueError(f"{shown(value)} is no confidence: write at most {format_share(HIGHEST_ALPHA)}, such as 1%")
    return share


def read_pane(value: object) -> int:
    """Read the pane: whole seconds, from 1s to 1m, in milliseconds."""
    ms = parse_duration(value)
    if ms % SECOND_MS or not SECOND_MS <= ms <= MINUTE_MS:
        raise ValueError(f"{shown(value)} is not a usable pane: write whole seconds from 1s to 1m")
    return ms


def read_window(value: object) -> int:
    """Read a sliding window: longer than zero, at most an hour, in milliseconds."""
    ms = read_positive_duration(value)
    if ms > LONGEST_WINDOW_MS:
        raise ValueError(f"{shown(value)} is too long a window: write at most {format_duration(LONGEST_WINDOW_MS)}")
    return ms


def read_positive_share(value: object) -> float:
    """Read a share above 0 % and up to 100 %."""
    share = parse_share(value)
    if share == 0:
        raise ValueError(f"{shown(value)} is nothing: write a share above 0%, up to 100%")
    return share


def read_error_limit(value: object) -> float:
    """Read the highest error share allowed: above 0 % and low enough that exceeding it is possible."""
    share = read_positive_share(value)
    if share > HIGHEST_ERROR_LIMIT:
        raise ValueError(
            f"{shown(value)} is a limit that can hardly fail: write at most {format_share(HIGHEST_ERROR_LIMIT)}, "
            f"usually a few percent"
        )
    return share


def read_quantile(value: object) -> float:
    """Read a quantile, strictly between 0 and 1."""
    quantile = parse_number(value)
    if not 0 < quantile < 1:
        raise ValueError(f"{shown(value)} is not a quantile: write a number between 0 and 1, such as 0.95 for p95")
    return quantile


def read_ratio(value: object) -> float:
    """Read how many times the baseline's value is still acceptable: 1 or more."""
    ratio = parse_number(value)
    if not 1 <= ratio <= HIGHEST_RATIO:
        raise ValueError(
            f"{shown(value)} is not a usable ratio of candidate to baseline: write 1 or more (at most "
            f"{HIGHEST_RATIO:g}), such as 1.25 for a quarter more"
        )
    return ratio


def read_slo(value: object) -> float:
    """Read an objective: a share strictly between 0 % and 100 %, because 100 % leaves no error budget."""
    share = read_positive_share(value)
    if share == 1.0:
        raise ValueError(f"{shown(value)} leaves no error budget: write less, such as 99.9%")
    return share


def read_number(value: object) -> float:
    """Read a finite number of any sign."""
    return parse_number(value) + 0.0


def read_positive_number(value: object) -> float:
    """Read a finite number above zero."""
    number = parse_number(value)
    if number <= 0:
        raise ValueError(f"{shown(value)} is not above zero: write a positive number, such as 1")
    return number


def read_switch(value: object) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{shown(value)} is neither true nor false: write one of the two")
    return value


def read_dispersion(value: object) -> float:
    """Read how many times more than independent ones errors vary: 1 or more."""
    number = parse_number(value)
    if not 1 <= number <= HIGHEST_RATIO:
        raise ValueError(f"{shown(value)} is no dispersion: write 1 (independent errors) or more, such as 4")
    return number


def read_error_classes(value: object) -> tuple[ErrorClass, ...]:
    """Read which outcomes count as errors, into one fixed order, so that their order never matters."""
    words = ", ".join(ERROR_CLASSES)
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(f"{shown(value)} does not say what an error is: write a list with at least one of {words}")
    for word in value:
        if word not in ERROR_CLASSES:
            raise ValueError(f"{shown(word)} is not a class of outcomes: write a list of {words}")
    if len(set(value)) < len(value):
        raise ValueError("names a class of outcomes twice: write each once")
    return tuple(known for known in ERROR_CLASSES if known in value)


def at_most(entries: int) -> BeforeValidator:
    """Make the check that a list or mapping has so many entries, which looks at none of them."""

    def check(value: object) -> object:
        if isinstance(value, list | tuple | Mapping) and len(value) > entries:
            raise ValueError(f"has {len(value):,} entries: write at most {entries}")
        return value

    return BeforeValidator(check)


def frozen_mapping(mapping: Mapping[str, V]) -> Mapping[str, V]:
    """Return a read-only copy in the order of its keys, so that equal mappings also iterate alike."""
    return MappingProxyType(dict(sorted(mapping.items())))


def _text(shortest: int, longest: int, pattern: str | None = None) -> WithJsonSchema:
    bounds = {"type": "string", "minLength": shortest, "maxLength": longest}
    return WithJsonSchema(bounds | ({"pattern": pattern} if pattern else {}))


_DURATION = WithJsonSchema(
    {"type": "string", "pattern": r"^\s*(?=\d)(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?\s*$", "examples": ["30s", "1h30m"]}
)
_SHARE = WithJsonSchema(
    {
        "anyOf": [
            {"type": "string", "pattern": r"^\s*\d+(\.\d+)? ?%\s*$"},
            {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        ],
        "examples": ["5%", 0.05],
    }
)
_WrittenDuration = PlainSerializer(format_duration, return_type=str, when_used="unless-none")
_WrittenShare = PlainSerializer(format_share, return_type=str, when_used="unless-none")
WRITTEN_MAPPING = WrapSerializer(lambda mapping, write: write(dict(mapping)))  # a read-only mapping as a dict again

NAME_PATTERN = "^[A-Za-z0-9][A-Za-z0-9._-]*$"
RolloutId = Annotated[str, PlainValidator(identifier(128)), _text(1, 128, NAME_PATTERN)]
Name = Annotated[str, PlainValidator(identifier(64)), _text(1, 64, NAME_PATTERN)]
Text = Annotated[str, PlainValidator(printable(1, 128)), _text(1, 128)]
MetricName = Annotated[str, PlainValidator(printable(1, 64)), _text(1, 64)]
LabelValue = Annotated[str, PlainValidator(printable(0, 256)), _text(0, 256)]
Count = Annotated[
    int, PlainValidator(whole_number(1, 1_000_000_000)), WithJsonSchema({"type": "integer", "minimum": 1})
]
Tries = Annotated[
    int, PlainValidator(whole_number(1, 100)), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 100})
]
Emitters = Annotated[
    int,
    PlainValidator(whole_number(1, MOST_EXPECTED)),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST_EXPECTED}),
]
DurationMs = Annotated[int, PlainValidator(read_positive_duration), _WrittenDuration, _DURATION]
PaneMs = Annotated[int, PlainValidator(read_pane), _WrittenDuration, _DURATION]
WindowMs = Annotated[int, PlainValidator(read_window), _WrittenDuration, _DURATION]
Share = Annotated[float, PlainValidator(read_positive_share), _WrittenShare, _SHARE]
Slo = Annotated[float, PlainValidator(read_slo), _WrittenShare, _SHARE]
Alpha = Annotated[float, PlainValidator(read_alpha), _WrittenShare, _SHARE]
Switch = Annotated[bool, PlainValidator(read_switch), WithJsonSchema({"type": "boolean"})]
Weight = Annotated[
    float, PlainValidator(read_positive_number), WithJsonSchema({"type": "number", "exclusiveMinimum": 0})
]
Quantile = Annotated[
    float,
    PlainValidator(read_quantile),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}),
]
ErrorClasses = Annotated[
    tuple[ErrorClass, ...],
    PlainValidator(read_error_classes),
    PlainSerializer(list),
    WithJsonSchema({"type": "array", "items": {"enum": list(ERROR_CLASSES)}, "minItems": 1, "uniqueItems": True}),
]

# May be left out, which reads as None; a key with nothing behind it is a fault all the same.
OptionalUrl = Annotated[str | None, PlainValidator(read_url), WithJsonSchema({"type": "string", "format": "uri"})]
OptionalDurationMs = Annotated[int | None, PlainValidator(read_positive_duration), _WrittenDuration, _DURATION]
OptionalDispersion = Annotated[
    float | None, PlainValidator(read_dispersion), WithJsonSchema({"type": "number", "minimum": 1})
]
OptionalErrorLimit = Annotated[float | None, PlainValidator(read_error_limit), _WrittenShare, _SHARE]
OptionalShare = Annotated[float | None, PlainValidator(read_positive_share), _WrittenShare, _SHARE]
OptionalSlo = Annotated[float | None, PlainValidator(read_slo), _WrittenShare, _SHARE]
OptionalLatencyLimitMs = Annotated[int | None, PlainValidator(read_latency_limit), _WrittenDuration, _DURATION]
OptionalRatio = Annotated[
    float | None,
    PlainValidator(read_ratio),
    WithJsonSchema({"type": "number", "minimum": 1, "maximum": HIGHEST_RATIO}),
]
OptionalNumber = Annotated[float | None, PlainValidator(read_number), WithJsonSchema({"type": "number"})]
OptionalCeiling = Annotated[
    float | None, PlainValidator(read_positive_number), WithJsonSchema({"type": "number", "exclusiveMinimum": 0})
]
OptionalQuantile = Annotated[
    float | None,
    PlainValidator(read_quantile),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}),
]
OptionalText = Annotated[str | None, PlainValidator(printable(1, 128)), _text(1, 128)]
