"""Outcomes as a policy writes them: classes and exact statuses, and what was likely meant instead."""

from __future__ import annotations

import doctest
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.documents import outcomes
from gates.documents.outcomes import ERROR_CLASSES, OUTCOMES_SCHEMA, Outcome, overlap, read_outcomes
from gates.statuses import CODES


def test_example() -> None:
    """The examples in the documentation run."""
    assert doctest.testmod(outcomes).failed == 0


@given(st.lists(st.sampled_from([*ERROR_CLASSES, *CODES]), min_size=1, unique=True))
def test_a_list_is_read_in_one_order_unless_it_counts_twice(written: list[Outcome]) -> None:
    """Any order is the same policy. What would count a request twice is a fault."""
    twice = any(one != other and overlap(one, other) for one in written for other in written)
    if twice:
        with pytest.raises(ValueError, match="is of the class"):
            read_outcomes(written)
    else:
        assert set(read_outcomes(written)) == set(written)
        assert read_outcomes(written) == read_outcomes(sorted(written, key=str))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("5xx", "must be a list of outcomes"),
        ([], "must be a list of outcomes"),
        (["5xx", "5xx"], "has an outcome twice"),
        (["5xx", 503], "503 is of the class 5xx, which is in the list as well; remove 503"),
        (["error", "grpc:14"], "grpc:14 is of the class error"),
        (["5XX"], "did you mean 5xx?"),
        (["4x"], "did you mean 4xx?"),
        (["errors"], "did you mean error?"),
        (["429"], "did you mean 429?"),
        (["grpc14"], "did you mean grpc:14?"),
        (["GRPC-14"], "did you mean grpc:14?"),
        (["grpc: UNAVAILABLE"], "did you mean grpc:14?"),
        (["unavailable"], "did you mean grpc:14?"),
        (["grpc:17"], "is not an outcome; write classes"),
        (["grpc:0"], "is not an outcome; write classes"),
        (["6xx"], "'6xx' is not an outcome; write classes (1xx, 2xx"),
        ([200], "200 is of the class 2xx, whose statuses are not counted one by one; write 2xx"),
        ([0], "0 is a request without an answer, which counts as error; write error"),
        ([600], "600 is not an outcome; write classes"),
        ([429.0], "429.0 is not an outcome"),
        ([True], "true is not an outcome"),
        ([["5xx"]], "a list is not an outcome"),
        ([None], "nothing is not an outcome"),
        (["x" * 10_000], "is not an outcome"),
    ],
)
def test_what_is_no_list_of_outcomes_is_refused(value: object, words: str) -> None:
    """With what to write instead."""
    with pytest.raises(ValueError, match=re.escape(words)):
        read_outcomes(value)


def test_the_schema_allows_what_is_read() -> None:
    """The bounds in the schema, which editors use, are those of the reader."""
    items: Any = OUTCOMES_SCHEMA["items"]
    words, numbers, texts = items["anyOf"]
    numbers_read = [code for code in CODES if isinstance(code, int)]
    assert tuple(words["enum"]) == ERROR_CLASSES
    assert (numbers["minimum"], numbers["maximum"]) == (min(numbers_read), max(numbers_read))
    for number in range(20):
        assert bool(re.match(texts["pattern"], f"grpc:{number}")) == (f"grpc:{number}" in CODES)
