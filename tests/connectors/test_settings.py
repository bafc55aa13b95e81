"""Settings from variables: every fault in one error, and no values in it."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.settings import UNFIT, WRONG, StrictSettings


class Range(StrictSettings):
    """Settings with a rule about two fields, and one about a single field."""

    low: int = 0
    high: int = 9
    name: str = "none"

    @classmethod
    def faults(cls, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """The order of the two, and the name."""
        low, high = given.get("low", 0), given.get("high", 9)
        if WRONG not in (low, high) and int(low) > int(high):
            yield "low", "must not be above SLUICEGATE_HIGH"
        if given.get("name") == "hidden":
            yield "name", "is taken"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset the settings of this machine."""
    for name in [name for name in os.environ if name.startswith("SLUICEGATE_")]:
        monkeypatch.delenv(name)


def faults(**given: object) -> set[tuple[object, str]]:
    """The faults of these settings: field and type."""
    with pytest.raises(ValidationError) as raised:
        Range.model_validate(given)
    assert "hidden" not in str(raised.value)
    return {(fault["loc"][0], fault["type"]) for fault in raised.value.errors(include_url=False)}


def test_each_field_is_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the prefix, in capitals; others are ignored."""
    monkeypatch.setenv("SLUICEGATE_LOW", "3")
    monkeypatch.setenv("SLUICEGATE_ELSE", "4")
    assert Range().model_dump() == {"low": 3, "high": 9, "name": "none"}


def test_all_faults_come_at_once() -> None:
    """Those of types, and those of the class's own rules."""
    assert faults(low="x", name="hidden") == {("low", "int_parsing"), ("name", UNFIT)}


def test_rules_alone() -> None:
    """Values of the right types can still contradict each other."""
    assert faults(low=7, high=2) == {("low", UNFIT)}


def test_a_field_of_a_wrong_type_has_one_fault() -> None:
    """The rules get `WRONG` for it, so that they add none."""
    assert faults(low="x", high=-1) == {("low", "int_parsing")}
