"""Which outcomes count as errors, and the lints about it."""

from __future__ import annotations

import pytest

from gates.documents.readers import ERROR_CLASSES, ErrorClass
from gates.slis.error_classes import DEFAULT_ERRORS, GOOD, odd_errors


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        (DEFAULT_ERRORS, []),
        (("4xx", "5xx"), []),
        (("2xx", "5xx", "ok"), ["counts 2xx and ok, which are successes, as errors"]),
        (("4xx",), ["has neither 5xx nor error"]),
        (("1xx",), ["counts 1xx", "has neither 5xx nor error"]),
    ],
)
def test_odd_errors(errors: tuple[ErrorClass, ...], words: list[str]) -> None:
    """Successes among the errors, and crashes that are not among them."""
    found = list(odd_errors(errors))
    assert [finding.key for finding in found] == ["errors"] * len(words)
    assert all(part in finding.message for part, finding in zip(words, found, strict=True))


def test_an_outcome_is_good_or_an_error_by_default_or_arguable() -> None:
    """Only 4xx is arguable: it may be the client's fault or the candidate's."""
    assert not set(GOOD) & set(DEFAULT_ERRORS)
    assert set(ERROR_CLASSES) - set(GOOD) - set(DEFAULT_ERRORS) == {"4xx"}
