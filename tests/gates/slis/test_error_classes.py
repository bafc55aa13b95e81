"""Which outcomes count as errors, and the lints about it."""

from __future__ import annotations

import doctest

import pytest

from gates.documents.outcomes import ERROR_CLASSES, Outcome
from gates.slis import error_classes
from gates.slis.error_classes import DEFAULT_ERRORS, GOOD, contradiction, failures_left_open, left_open, odd_errors


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        (DEFAULT_ERRORS, []),
        (("4xx", "5xx"), []),
        (("2xx", "5xx", "ok"), ["counts 2xx and ok, which are successes, as errors"]),
        (("4xx",), ["has neither 5xx nor error"]),
        ((429, 404), ["has neither 5xx nor error"]),
        ((503,), []),
        (("grpc:14",), []),
        (("1xx",), ["counts 1xx", "has neither 5xx nor error"]),
    ],
)
def test_odd_errors(errors: tuple[Outcome, ...], words: list[str]) -> None:
    """Successes among the errors, and crashes that are not among them."""
    found = list(odd_errors(errors))
    assert [finding.key for finding in found] == ["errors"] * len(words)
    assert all(part in finding.message for part, finding in zip(words, found, strict=True))


def test_an_outcome_is_good_or_an_error_by_default_or_arguable() -> None:
    """Only 4xx is arguable: it may be the client's fault or the candidate's."""
    assert not set(GOOD) & set(DEFAULT_ERRORS)
    assert set(ERROR_CLASSES) - set(GOOD) - set(DEFAULT_ERRORS) == {"4xx"}


def test_example() -> None:
    """The examples in the documentation run."""
    assert doctest.testmod(error_classes).failed == 0


@pytest.mark.parametrize(
    ("errors", "not_errors", "words"),
    [
        (("5xx", 429), (404,), None),
        (("5xx", "4xx"), (404,), "4xx includes 404"),
        (("5xx", "grpc:8"), ("4xx",), "4xx includes grpc:8"),
        (("5xx", 429), (429,), "429 is in both"),
    ],
)
def test_no_outcome_is_an_error_and_none(
    errors: tuple[Outcome, ...], not_errors: tuple[Outcome, ...], words: str | None
) -> None:
    """A class and a status in it contradict each other, whichever list has which."""
    assert contradiction(errors, not_errors) == words
    assert contradiction(not_errors, errors) == words


def test_an_exact_status_shows_that_its_class_was_considered() -> None:
    """In either list; and where there are no statuses nothing is open."""
    assert left_open(("5xx", "error"), ()) == ["3xx", "4xx"]
    assert left_open(("5xx", "grpc:8"), (301,)) == []
    assert left_open((), ()) == []


def test_failures_that_no_check_counts() -> None:
    """With the statuses of the class that are counted; a status in `not_errors` closes its class."""
    assert failures_left_open(DEFAULT_ERRORS, ()) == {}
    assert failures_left_open(("5xx", "grpc:14"), ("4xx",)) == {"error": ["grpc:14"]}
    assert failures_left_open((503,), ("error", 501)) == {}
    assert failures_left_open(("ok",), ()) == failures_left_open((), ()) == {}
