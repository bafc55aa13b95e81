"""The kinds of value a policy holds: how each is read, bounded and written back.

A field's type here is `Annotated[plain type, reader, printer]`, so that models read like a table.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal, TypeVar

from pydantic import BeforeValidator, PlainSerializer, PlainValidator, WithJsonSchema, WrapSerializer

from gates.documents.outcomes import OUTCOMES_SCHEMA, Outcome, read_outcomes
from gates.documents.quantities import format_duration, format_share
from gates.documents.readers import (
    AUTO,
    DAYS,
    HIGHEST_RATIO,
    MOST_EMITTERS_EXPECTED,
    MOST_MARGIN,
    Day,
    identifier,
    printable,
    read_actuator_names,
    read_alpha,
    read_clock_minute,
    read_days,
    read_dispersion,
    read_error_limit,
    read_expected_emitters,
    read_latency_limit,
    read_margin,
    read_number,
    read_pane,
    read_positive_duration,
    read_positive_number,
    read_positive_share,
    read_quantile,
    read_ratio,
    read_slo,
    read_switch,
    read_url,
    read_window,
    read_zone,
    whole_number,
)

Family = Literal["errors", "latency", "business", "saturation", "telemetry"]
V = TypeVar("V")

MOST_STAGES = 100
MOST_FREEZE_WINDOWS = 20
MOST_CHECKS = 100
"""The judge evaluates each of them on each pane."""


def at_most(entries: int) -> BeforeValidator:
    """Make the check that a list or mapping has at most this many entries.

    It runs before the entries are read, so that a huge document costs nothing.
    """

    def check(value: object) -> object:
        if isinstance(value, list | tuple | Mapping) and len(value) > entries:
            raise ValueError(f"has {len(value):,} entries; write at most {entries}")
        return value

    return BeforeValidator(check)


def frozen_mapping(mapping: Mapping[str, V]) -> Mapping[str, V]:
    """Return a read-only copy in the order of its keys, so that equal mappings also iterate in the same order."""
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
_NUMBER_OF_EMITTERS = {"type": "integer", "minimum": 1, "maximum": MOST_EMITTERS_EXPECTED}
Emitters = Annotated[
    int | Mapping[str, int] | Literal["auto"],
    PlainValidator(read_expected_emitters),
    PlainSerializer(lambda expected: dict(expected) if isinstance(expected, Mapping) else expected),
    WithJsonSchema(
        {
            "anyOf": [
                _NUMBER_OF_EMITTERS,
                {
                    "type": "object",
                    "minProperties": 1,
                    "maxProperties": 2,
                    "additionalProperties": _NUMBER_OF_EMITTERS,
                },
                {"const": AUTO},
            ]
        }
    ),
]
DurationMs = Annotated[int, PlainValidator(read_positive_duration), _WrittenDuration, _DURATION]
PaneMs = Annotated[int, PlainValidator(read_pane), _WrittenDuration, _DURATION]
WindowMs = Annotated[int, PlainValidator(read_window), _WrittenDuration, _DURATION]
Share = Annotated[float, PlainValidator(read_positive_share), _WrittenShare, _SHARE]
Slo = Annotated[float, PlainValidator(read_slo), _WrittenShare, _SHARE]
Alpha = Annotated[float, PlainValidator(read_alpha), _WrittenShare, _SHARE]
Days = Annotated[
    tuple[Day, ...],
    PlainValidator(read_days),
    PlainSerializer(list),
    WithJsonSchema({"type": "array", "items": {"enum": list(DAYS)}, "minItems": 1, "uniqueItems": True}),
]
ClockMinute = Annotated[
    int,
    PlainValidator(read_clock_minute),
    PlainSerializer(lambda minutes: f"{minutes // 60:02d}:{minutes % 60:02d}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^([01]\\d|2[0-3]):[0-5]\\d$", "examples": ["16:00"]}),
]
ZoneName = Annotated[str, PlainValidator(read_zone), _text(1, 64)]
Switch = Annotated[bool, PlainValidator(read_switch), WithJsonSchema({"type": "boolean"})]
Weight = Annotated[
    float, PlainValidator(read_positive_number), WithJsonSchema({"type": "number", "exclusiveMinimum": 0})
]
Quantile = Annotated[
    float,
    PlainValidator(read_quantile),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}),
]
Outcomes = Annotated[
    tuple[Outcome, ...], PlainValidator(read_outcomes), PlainSerializer(list), WithJsonSchema(OUTCOMES_SCHEMA)
]


# The key may be missing, which reads as None; a key without a value is a fault.
def _given(value: object) -> object:
    if value is None:
        raise ValueError("has no value; write one, or remove the key")
    return value


GIVEN = BeforeValidator(_given)
OptionalActuatorNames = Annotated[
    tuple[str, ...] | None,
    PlainValidator(read_actuator_names),
    PlainSerializer(lambda names: None if names is None else list(names)),
    WithJsonSchema({"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True}),
]
OptionalOutcomes = Annotated[
    tuple[Outcome, ...] | None,
    PlainValidator(read_outcomes),
    PlainSerializer(lambda outcomes: None if outcomes is None else list(outcomes)),
    WithJsonSchema(OUTCOMES_SCHEMA),
]
OptionalUrl = Annotated[str | None, PlainValidator(read_url), WithJsonSchema({"type": "string", "format": "uri"})]
OptionalDurationMs = Annotated[int | None, PlainValidator(read_positive_duration), _WrittenDuration, _DURATION]
OptionalSwitch = Annotated[bool | None, PlainValidator(read_switch), WithJsonSchema({"type": "boolean"})]
OptionalDispersion = Annotated[
    float | None, PlainValidator(read_dispersion), WithJsonSchema({"type": "number", "minimum": 1})
]
OptionalShare = Annotated[float | None, PlainValidator(read_positive_share), _WrittenShare, _SHARE]
OptionalMargin = Annotated[
    float | None,
    PlainValidator(read_margin),
    _WrittenShare,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^\s*\d+(\.\d+)? ?%\s*$"},
                {"type": "number", "minimum": 0, "maximum": MOST_MARGIN},
            ],
            "examples": ["0.5%", 0.005],
        }
    ),
]
OptionalErrorLimit = Annotated[float | None, PlainValidator(read_error_limit), _WrittenShare, _SHARE]
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
