"""Coverage: emitters of both cohorts together, its forms, and its lints."""

from __future__ import annotations

import pytest

from gates.advice.lint import lint
from gates.documents.faults import PolicyError
from gates.policy import Policy
from gates.verdicts import VerdictKind
from tests.gates.good_policy import Document, changed
from tests.gates.pane_builders import cell
from tests.gates.slis.watched import Watched


def test_coverage_waits_for_a_whole_window() -> None:
    """Emitters that have not had the time to report are not missing; later they are."""
    hand = Watched(sli="coverage", expected=3, window="5s")
    found = [hand.second(cell(10, emitters=(1,)), cell(10, emitters=(2,))).kind for _ in range(8)]
    assert found == [VerdictKind.INCONCLUSIVE] * 4 + [VerdictKind.FAIL] * 4
    assert hand.second(cell(10, emitters=(1, 3)), cell(10, emitters=(2,))).kind is VerdictKind.PASS


def test_a_heartbeat_covers_and_is_no_request() -> None:
    """Emitters without requests report by heartbeat."""
    hand = Watched(sli="coverage", expected=2, window="5s")
    for _ in range(6):
        verdict = hand.second(cell(0, emitters=(1,)), cell(10, emitters=(2,)))
    assert verdict.kind is VerdictKind.PASS
    assert verdict.candidate.requests == 0


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        (
            {"checks.c": {"sli": "coverage", "expected": 1}},
            "checks.c.limit",
            "cannot fail: one emitter is already 90% of 1",
        ),
    ],
)
def test_what_is_odd_is_remarked(changes: Document, path: str, words: str) -> None:
    """At the key, with why it matters."""
    found = {remark.path: remark.message for remark in lint(changed(changes))}
    assert words in found[path]


@pytest.mark.parametrize("expected", [12, {"canary": 2, "stable": 10}, {"canary": 2}, "auto"])
def test_the_number_has_three_forms(expected: object) -> None:
    """Each is written back as it was read, so that its hash stays."""
    known = changed({"checks.c": {"sli": "coverage", "expected": expected}})
    assert known.written["checks"]["c"]["expected"] == expected  # type: ignore[index]
    assert Policy.parse(known.document()).hash == known.hash


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        (0, "0 is out of range; write a whole number from 1 to 100"),
        (True, "true is not a number of emitters"),
        ("many", "'many' is not a number of emitters; write one such as 12, one for each cohort such as {canary: 2"),
        ({}, "has 0 cohorts; write one or two"),
        ({"canary": 1, "stable": 1, "shadow": 1}, "is no cohort"),
        ({"canary": 200}, "200 is out of range"),
        ({3: 2}, "3 is not text"),
        ({"prod": 2}, "'prod' is no cohort; write stable or canary"),
    ],
)
def test_what_is_no_number_is_a_fault(expected: object, words: str) -> None:
    """At the key, with what to write."""
    with pytest.raises(PolicyError) as raised:
        changed({"checks.c": {"sli": "coverage", "expected": expected}})
    found = {fault.path: fault.message for fault in raised.value.faults}
    assert words in found["checks.c.expected"]


def test_without_names_of_cohorts_the_numbers_have_no_fault() -> None:
    """The missing name is the fault."""
    with pytest.raises(PolicyError) as raised:
        changed({"cohorts.candidate": 7, "checks.c": {"sli": "coverage", "expected": {"prod": 2}}})
    assert [fault.path for fault in raised.value.faults] == ["cohorts.candidate"]


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"expected": {"canary": 2, "stable": 10}}, {}),
        ({"expected": "auto"}, {}),
        ({"expected": 12}, {}),
        ({"expected": {"stable": 1}}, {}),
        ({"expected": {"canary": 2, "stable": 10}, "limit": "50%"}, {"limit": "for canary: one of its 2 emitters is"}),
        ({"expected": 12, "limit": "100%"}, {"limit": "holds the rollout while a single emitter restarts"}),
        ({"expected": "auto", "limit": "100%"}, {"limit": "holds the rollout while a single emitter restarts"}),
        (
            {"expected": "auto", "window": "6m"},
            {"window": "stage tenth waits for this check: the usual number is known after two windows (12m)"},
        ),
        ({"expected": "auto", "window": "6m", "severity": "advisory"}, {}),
        ({"expected": {"canary": 1, "stable": 10}}, {"expected": "1 emitter of canary: whatever is wrong with this"}),
    ],
)
def test_what_noise_or_one_instance_decides_is_remarked(fields: Document, found: dict[str, str]) -> None:
    """A limit that breaks with one emitter, one that holds without, and a candidate of one instance."""
    policy = changed({"checks.c": {"sli": "coverage", **fields}})
    remarks = {each.path.removeprefix("checks.c."): each.message for each in lint(policy)}
    assert remarks.keys() == found.keys()
    assert all(words in remarks[key] for key, words in found.items())
