"""Expectations and decisions as short texts."""

from streams.offline.policy_tests.document import Expectation
from streams.offline.policy_tests.summaries import expectation_summary, since_start


def test_an_expectation_has_all_that_is_compared() -> None:
    """In the order in which a person would read it."""
    full = {
        "action": "rollback",
        "stage": "half",
        "within": "10s",
        "since": "1m",
        "check": "errors fails",
        "reason": "over the limit",
    }
    text = "rollback at half within 10s of +1m, errors fails, because over the limit"
    assert expectation_summary(Expectation.model_validate(full)) == text
    assert expectation_summary(Expectation.model_validate({"action": "hold"})) == "hold"


def test_times_count_from_the_start() -> None:
    """A time before it is the start itself."""
    assert (since_start(71_000, 1_000), since_start(0, 1_000)) == ("+1m10s", "+0s")
