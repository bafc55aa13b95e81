"""Results of policy tests: a line per test and, for one that fails, why and both sides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import click

from streams.offline.policy_tests.running import PolicyTestResult, TestStatus
from streams.views.wording import printable

LABELS: Mapping[TestStatus, str] = {"ok": "ok", "failed": "FAILED", "unreadable": "UNREADABLE"}
COLOURS: Mapping[TestStatus, str] = {"ok": "green", "failed": "red", "unreadable": "yellow"}


def result_lines(result: PolicyTestResult) -> Iterator[str]:
    """A line for the test; below it notes and faults and, for a failed test, expected and found decisions."""
    label = click.style(f"{LABELS[result.status]:<10}", fg=COLOURS[result.status])
    about = f"  {printable(result.about)}" if result.about else ""
    yield f"{label} {printable(result.folder)}{about}"
    for sentence in (*result.notes, *result.faults):
        yield f"    {printable(sentence)}"
    if result.status == "failed":
        width = max([len("expected"), *(len(pair.expected) for pair in result.pairs)])
        yield f"      {'expected':<{width}}  found"
        for pair in result.pairs:
            yield f"    {' ' if pair.fits else '>'} {pair.expected:<{width}}  {printable(pair.found)}".rstrip()


def count_by_status(results: Sequence[PolicyTestResult]) -> dict[str, int]:
    """How many tests have each status."""
    return {str(status): sum(each.status == status for each in results) for status in LABELS}


def results_summary(results: Sequence[PolicyTestResult]) -> str:
    """One line: how many of each status, and how long they took."""
    counts = ", ".join(f"{number} {status}" for status, number in count_by_status(results).items() if number)
    return f"{counts} in {sum(each.seconds for each in results):.1f} s"
