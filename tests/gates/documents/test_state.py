"""The encoder of state: what is decoded equals what was encoded, and a document of another shape is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.documents.state import Codec, as_document


class Colour(StrEnum):
    """A word."""

    RED = "red"


class Text:
    """A type that is no dataclass."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Text) and other.text == self.text

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the state."""

    numbers: tuple[float, ...]
    weights: Mapping[str, int | float]
    colour: Colour | None = None


@dataclass(frozen=True, slots=True)
class State:
    """A state."""

    text: Text
    parts: tuple[Part, ...] = ()


CODEC = Codec(State, written={Text: lambda text: text.text}, read={Text: Text})
numbers = st.floats(allow_nan=False, allow_infinity=False)
parts = st.builds(
    Part,
    st.lists(numbers, max_size=3).map(tuple),
    st.dictionaries(st.text(max_size=3), st.integers(-5, 100) | numbers, max_size=3),
    st.none() | st.just(Colour.RED),
)


@given(st.builds(State, st.builds(Text, st.text()), st.lists(parts, max_size=3).map(tuple)))
def test_a_state_survives_json(state: State) -> None:
    """Bit for bit: floats, whole numbers that are integers, words, and types with a document of their own."""
    written = json.dumps(CODEC.encode(state))
    again = CODEC.decode(json.loads(written))
    assert again == state
    assert json.dumps(CODEC.encode(again)) == written


@pytest.mark.parametrize("document", [None, [], {}, {"text": "a", "parts": [{}]}, {"text": "a", "parts": 1}])
def test_another_shape_is_refused(document: object) -> None:
    """A snapshot of another version is an error, never a state with gaps."""
    with pytest.raises(msgspec.ValidationError):
        CODEC.decode(document)


def test_an_unknown_type_is_refused() -> None:
    """A type without a document of its own cannot slip into a snapshot."""
    with pytest.raises(KeyError):
        Codec(State).encode(State(Text("a")))


def test_a_part_of_a_message() -> None:
    """The fields of the class, in their order."""
    assert as_document(Part((1.5,), {"a": 1}, Colour.RED)) == {
        "numbers": (1.5,),
        "weights": {"a": 1},
        "colour": "red",
    }
