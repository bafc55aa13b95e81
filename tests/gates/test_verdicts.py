"""Verdicts as documents: the keys that are always there, those that are there only where they apply, and rounding."""

from __future__ import annotations

import doctest
from dataclasses import replace

import pytest

from gates import verdicts
from gates.stats.largest_blocks import BAD_EVENTS, Agreement, BlockReport, Growth
from gates.stats.pane_counts import PaneCounts
from gates.stats.ratio_interval import Interval
from gates.verdicts import Combined, Evaluation, Intervals, Measurement, Verdict, VerdictKind, agreement_document

NONE = Measurement(0, None)
PLAIN = Verdict("errors", VerdictKind.PASS, "errors: well", (1_000, 2_000), Measurement(20, 0.05, 1), NONE)


def test_example() -> None:
    """The example in the documentation runs."""
    assert doctest.testmod(verdicts).failed == 0


def test_a_plain_verdict_has_no_optional_keys() -> None:
    """Without a comparison there are no e-values; a cohort without data has the value null, and no errors."""
    assert PLAIN.document() == {
        "name": "errors",
        "verdict": "PASS",
        "reason": "errors: well",
        "unit": "share",
        "severity": "standard",
        "on_fail": "rollback",
        "window": {"start": 1_000, "end": 2_000},
        "candidate": {"requests": 20, "errors": 1, "value": 0.05},
        "baseline": {"requests": 0, "value": None},
    }


def test_what_applies_is_added() -> None:
    """E-values, a baseline that breaks the limit too, and intervals, all to six significant digits."""
    known = replace(
        PLAIN,
        e_value=1234567.89,
        advance_threshold=20.0,
        baseline_beyond=True,
        intervals=Intervals(Interval(0.5, 1.0, 2.00000001), {"canary": (1.23456789, None), "stable": None}),
    )
    added = {key: value for key, value in known.document().items() if key not in PLAIN.document()}
    assert added == {
        "e_value": 1_234_570.0,
        "advance_threshold": 20.0,
        "baseline_beyond": True,
        "ratio": {"estimate": 1.0, "lower": 0.5, "upper": 2.0},
        "quantile": {"canary": [1.23457, None], "stable": None},
    }


def test_blocks_are_short_and_the_same_after_a_snapshot() -> None:
    """Whole counts are integers, though a snapshot reads them as fractions; those of a mean have six digits."""
    agreement = Agreement("user 1 of 2", 1.23456789, 3.0, 250.5)

    def shown(bad: float, base_bad: float) -> object:
        growth = Growth(8.123456789, 1_000, 4_000, BAD_EVENTS, PaneCounts(bad, base_bad, 150, 2_850))
        return replace(PLAIN, blocks=BlockReport((growth,), 0.7654321, 14, 250.5, agreement)).document()["blocks"]

    assert shown(12, 1 / 3) == {
        "number": 14,
        "largest": [
            {
                "start": 1_000,
                "end": 4_000,
                "by": "bad events",
                "candidate": {"bad": 12, "events": 150},
                "baseline": {"bad": 0.333333, "events": 2_850},
                "factor": 8.12346,
            }
        ],
        "others": 0.765432,
        "e_value": 250.5,
        "agreement": {"part": "user 1 of 2", "e_value": 1.23457, "needed": 3.0, "without": 250.5},
    }
    assert str(shown(12.0, 1 / 3)) == str(shown(12, 1 / 3))
    assert agreement_document(None) is None


@pytest.mark.parametrize(
    ("severity", "on_fail", "required", "notifies"),
    [
        ("critical", "rollback", True, False),
        ("standard", "notify", True, True),
        ("advisory", "notify", False, True),
        ("dry_run", "notify", False, False),
    ],
)
def test_severity_decides_what_a_fail_does(severity: str, on_fail: str, required: bool, notifies: bool) -> None:
    """Only required checks count; a dry run notifies nobody, and nobody is notified of a PASS."""
    known = replace(PLAIN, kind=VerdictKind.FAIL, severity=severity, on_fail=on_fail)
    assert (known.required, known.notifies) == (required, notifies)
    assert not replace(known, kind=VerdictKind.PASS).notifies


def test_an_evaluation_has_its_required_verdicts() -> None:
    """In their order, without those that only observe."""
    observer = replace(PLAIN, severity="advisory")
    found = Evaluation(0, 1, (PLAIN, observer), 0, (), broken=False, trusted=True, completeness=1.0)
    assert found.required == (PLAIN,)


def test_the_combined_evidence_is_rounded() -> None:
    """As the e-values of the verdicts are."""
    assert Combined(3.14159265, 100.0).document() == {"e_value": 3.14159, "threshold": 100.0}
