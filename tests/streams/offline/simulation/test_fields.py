"""The kinds of value in a scenario."""

import pytest
from pydantic import ValidationError

from streams.offline.simulation.fields import ScenarioPart, Share, duration_up_to, number_between, one_of, some_of


class Part(ScenarioPart):
    """A part of a scenario."""

    share: Share = 0.5


def test_numbers_have_bounds() -> None:
    """Both belong to the range."""
    read = number_between(0.5, 2.0)
    assert (read(0.5), read(2)) == (0.5, 2.0)
    for wrong in (0.4, 2.1):
        with pytest.raises(ValueError, match=r"is out of range: write a number from 0\.5 to 2"):
            read(wrong)


def test_lists_of_known_names() -> None:
    """Other names, and a name without a list, are refused with what would be right."""
    read = some_of("candidate", "baseline")
    assert read(["baseline"]) == ("baseline",)
    with pytest.raises(ValueError, match="'canary' is not known: write a list of candidate, baseline"):
        read(["canary"])
    with pytest.raises(ValueError, match="is not a list"):
        read("candidate")


def test_durations_have_a_longest() -> None:
    """It belongs to the range, and zero does not."""
    read = duration_up_to(60_000)
    assert (read("1m"), read("5s")) == (60_000, 5_000)
    with pytest.raises(ValueError, match="'2m' is too long: write at most 1m"):
        read("2m")
    with pytest.raises(ValueError, match="is too short"):
        read("0s")


def test_words_of_a_choice() -> None:
    """Others are refused with all that are known."""
    read = one_of("even", "random")
    assert read("even") == "even"
    for wrong in ("odd", 5):
        with pytest.raises(ValueError, match="is not known: write one of even, random"):
            read(wrong)


def test_a_part_is_strict() -> None:
    """No unknown keys, and no later change."""
    assert Part.model_validate({"share": "20%"}).share == 0.2
    with pytest.raises(ValidationError):
        Part.model_validate({"shares": "20%"})
    with pytest.raises(ValidationError):
        Part().share = 0.1  # type: ignore[misc]
