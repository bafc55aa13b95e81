"""Results of policy tests as lines."""

from pathlib import Path

import click

from streams.offline.policy_tests.matching import ExpectationPair
from streams.offline.policy_tests.running import PolicyTestResult
from streams.views.policy_tests import result_lines, results_summary

FAILED = PolicyTestResult(
    Path("tests/a"),
    "failed",
    0.5,
    "a late\nrollback",
    (ExpectationPair("start", "+0s start at canary", True), ExpectationPair("rollback", "", False)),
    ("expected rollback, but none followed",),
)


def test_a_failed_test_shows_both_sides() -> None:
    """The pair that does not fit is marked."""
    assert [click.unstyle(line) for line in result_lines(FAILED)] == [
        "FAILED     tests/a  a late\ufffdrollback",
        "    expected rollback, but none followed",
        "      expected  found",
        "      start     +0s start at canary",
        "    > rollback",
    ]


def test_the_summary_counts_by_status() -> None:
    """A status that no test has is left out."""
    good = PolicyTestResult(Path("tests/b"), "ok", 0.25)
    assert results_summary([FAILED, good, good]) == "2 ok, 1 failed in 1.0 s"
