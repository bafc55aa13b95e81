"""Fields: read and written back, bounded before they are read, and none accepts a value of another kind."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError

from gates.documents import fields
from gates.documents.fields import at_most, frozen_mapping


@pytest.mark.parametrize(
    ("field", "written", "value"),
    [
        (fields.DurationMs, "1h30m", 5_400_000),
        (fields.PaneMs, "5s", 5_000),
        (fields.WindowMs, "1m", 60_000),
        (fields.Share, "5%", 0.05),
        (fields.Slo, "99.9%", 0.999),
        (fields.Alpha, "1%", 0.01),
        (fields.Quantile, 0.95, 0.95),
        (fields.Switch, False, False),
        (fields.Count, 20, 20),
        (fields.Outcomes, ["5xx", "error", 429, "grpc:8"], ("5xx", "error", 429, "grpc:8")),
        (fields.OptionalOutcomes, ["4xx"], ("4xx",)),
        (fields.OptionalRatio, 1.25, 1.25),
    ],
)
def test_a_field_is_read_and_written_back(field: Any, written: object, value: object) -> None:
    """As text where people write text, so that a stored policy reads like the one that was given."""
    adapter: TypeAdapter[object] = TypeAdapter(field)
    assert adapter.validate_python(written) == value
    assert adapter.dump_python(adapter.validate_python(written)) == written


GIVEN_WORD = Annotated[str | None, fields.GIVEN]


@pytest.mark.parametrize(
    "field",
    [
        fields.OptionalDurationMs,
        fields.OptionalRatio,
        fields.OptionalSwitch,
        fields.OptionalText,
        fields.OptionalOutcomes,
        GIVEN_WORD,
    ],
)
def test_a_key_without_a_value_is_a_fault(field: Any) -> None:
    """A key may be missing, but `ratio:` with nothing behind it is probably an unfinished edit."""
    adapter: TypeAdapter[object] = TypeAdapter(field)
    with pytest.raises(ValidationError):
        adapter.validate_python(None)


@pytest.mark.parametrize("value", [["a", "b", "c"], {"a": 1, "b": 2, "c": 3}])
def test_entries_are_counted_before_they_are_read(value: object) -> None:
    """More than the bound is a fault; what is no collection is left to the field's own reader."""
    assert at_most(3).func(value) is value  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="has 3 entries; write at most 2"):
        at_most(2).func(value)  # type: ignore[call-arg]
    assert at_most(2).func("text") == "text"  # type: ignore[call-arg]


def test_a_frozen_mapping_has_one_order_and_no_changes() -> None:
    """Whatever order its keys were written in."""
    mapping: Any = frozen_mapping({"b": 1, "a": 2})
    assert list(mapping) == ["a", "b"]
    with pytest.raises(TypeError):
        mapping["c"] = 3
