"""Coverage: emitters that report, and its lints."""

from __future__ import annotations

import pytest

from gates.advice.lint import lint
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
