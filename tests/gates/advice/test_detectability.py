"""What a comparison can detect: against the real checks, and where there is nothing to detect."""

from __future__ import annotations

from math import inf, log
from statistics import median

import numpy as np
import pytest

from gates.advice.detectability import EFFECTS, detectability, live_detection, live_passes
from gates.evidence.evaluation import RolloutEvidence
from gates.policy.checks import joint_test_of
from gates.stats.power import Traffic
from gates.verdicts import Measurement, Verdict, VerdictKind
from tests.gates.pane_builders import EVERY_KIND, T0, cell, pane, policy

STAGE = [{"name": "tenth", "weight": "10%", "bake": "10m"}]
ERRORS = {"e": {"sli": "error_rate", "ratio": 1.25}}
AT_1000 = Traffic(1_000.0, 0.1)


@pytest.mark.parametrize("stated", [{"dispersion": 1}, {"dispersion": 3}, {}])
@pytest.mark.parametrize("times", [2.0, 5.0])
def test_the_median_is_that_of_the_real_check(times: float, stated: dict[str, float]) -> None:
    """Simulated with the real evidence: the median second of the FAIL is as foreseen, to a factor of two."""
    known = policy(ERRORS, stages=STAGE, confidence=stated)
    seen = detectability(known, "e", known.checks["e"], AT_1000, 0.01, new=True)
    assert seen is not None
    rng, found = np.random.default_rng(1), []
    for _ in range(15):
        evidence = RolloutEvidence(known, T0)
        for second in range(600):
            mine, base = (int(rng.binomial(n, p)) for n, p in ((100, 0.01 * times), (900, 0.01)))
            verdict = evidence.observe(pane(second, cell(100, mine), cell(900, base))).verdicts[0]
            if verdict.kind is VerdictKind.FAIL:
                found.append(second + 1)
                break
    assert seen.medians()[times] / 2.0 < median(found) < seen.medians()[times] * 2.0 + 1.0


def test_more_is_detected_sooner() -> None:
    """A larger effect, more traffic and more base errors: sooner; the smallest effect shrinks with time."""
    known = policy(ERRORS, stages=STAGE)

    def seconds(traffic: Traffic, base: float) -> dict[float, float]:
        found = detectability(known, "e", known.checks["e"], traffic, base)
        assert found is not None
        return found.medians()

    plain = seconds(AT_1000, 0.01)
    assert plain[1.5] > plain[2.0] > plain[5.0]
    for more in (seconds(Traffic(4_000.0, 0.1), 0.01), seconds(AT_1000, 0.04)):
        assert more[1.5] < plain[1.5]
        assert all(more[times] <= plain[times] for times in EFFECTS)  # a block lasts as long as before
    found = detectability(known, "e", known.checks["e"], AT_1000, 0.01)
    assert found is not None
    assert (found.smallest(1_000.0) or inf) < (found.smallest(30.0) or 0.0)
    assert found.passes() == found.passing(log(20.0), None) > found.passes(10.0) > found.passes(20.0) == 0.0
    assert found.median(2.0) < found.p95(2.0) < 3.0 * found.median(2.0)


@pytest.mark.parametrize("sli", ["error_rate", "success_rate"])
def test_clusters_are_allowed_for(sli: str) -> None:
    """Blocks take longer than single events, and those of a stated dispersion longest, for either share."""
    checks = {"e": {"sli": sli, "ratio": 1.25}}

    def seconds(**confidence: float) -> tuple[float, float]:
        known = policy(checks, stages=STAGE, confidence=confidence)
        found = detectability(known, "e", known.checks["e"], AT_1000, 0.01)
        assert found is not None
        return found.medians()[2.0], found.passes()

    plain, blocks, stated = seconds(dispersion=1.0), seconds(), seconds(dispersion=4.0)
    assert plain[0] < blocks[0] < stated[0]
    assert plain[1] < blocks[1] < stated[1]


def test_what_is_allowed_is_never_detected() -> None:
    """An effect within `ratio` is never detected, for shares and for quantiles."""
    checks = {"e": {"sli": "error_rate", "ratio": 3}, "l": {"sli": "latency", "quantile": 0.9, "ratio": 3}}
    known = policy(checks, stages=STAGE)
    for name, definition in known.checks.items():
        found = detectability(known, name, definition, AT_1000, 0.01)
        assert found is not None
        assert found.medians()[2.0] == inf
        assert found.medians()[5.0] < inf


def test_several_checks_share_the_error_probability() -> None:
    """Beside a second comparison each needs twice the e-value, and a little more time."""
    alone = policy(ERRORS, stages=STAGE)
    both = policy(ERRORS | {"l": {"sli": "latency", "quantile": 0.9, "ratio": 1.2}}, stages=STAGE)
    first, second = (detectability(known, "e", known.checks["e"], AT_1000, 0.01) for known in (alone, both))
    assert first is not None
    assert second is not None
    assert second.rollback == pytest.approx(2.0 * first.rollback)
    assert second.medians()[2.0] > first.medians()[2.0]


def test_nothing_is_detected_where_nothing_is_compared() -> None:
    """A guard rail detects nothing by comparing, nor does a comparison at full traffic or without a base figure."""
    known = policy()
    for name, definition in known.checks.items():
        compares = "ratio" in EVERY_KIND[name]
        assert (detectability(known, name, definition, AT_1000, 0.01) is not None) == compares
        assert detectability(known, name, definition, Traffic(1_000.0, 1.0), 0.01) is None
        assert detectability(known, name, definition, Traffic(0.0, 0.1), 0.01) is None
    errors = known.checks["errors"]
    assert detectability(known, "errors", errors, AT_1000, None) is None
    assert detectability(known, "errors", errors, AT_1000, 0.0) is None


def test_live_reads_the_baselines_figure_from_the_verdict() -> None:
    """Shares as they are, a mean as its part of the ceiling; no error is half a one."""
    known = policy(stages=STAGE)

    def verdicts(**values: float) -> list[Verdict]:
        return [a_verdict(name, Measurement(1_000, value)) for name, value in values.items()]

    def a_verdict(name: str, baseline: Measurement) -> Verdict:
        return Verdict(name, VerdictKind.PASS, "", (T0, T0 + 1_000), Measurement(0, None), baseline)

    def live(given: list[Verdict]) -> dict[str, dict[str, float | None]]:
        return live_detection(known, joint_test_of(known), 0, 1_000.0, given)

    found = live(verdicts(errors=0.02, orders=0.02, bounded=0.2))
    assert found["errors"] == found["orders"]
    assert set(found["errors"]) == {f"x{effect:g}" for effect in (1.5, 2, 5)}
    assert live(verdicts(errors=0.0))["errors"] == live(verdicts(errors=0.0005))["errors"]
    assert live([a_verdict("errors", Measurement(0, None))]) == {}
    assert live(verdicts(pods=0.5, budget=0.1)) == {}


def test_live_passes_go_on_from_the_evidence_so_far() -> None:
    """Nothing is left at the threshold; more, the less there is; a check without figures or evidence has none."""
    known = policy(stages=STAGE)

    def a_verdict(name: str, good: float | None, requests: int = 1_000) -> Verdict:
        figures = Measurement(requests, 0.01 if requests else None)
        window = (T0, T0 + 1_000)
        return Verdict(name, VerdictKind.PASS, "", window, Measurement(0, None), figures, advance_e_value=good)

    def left(*given: Verdict, rps: float = 1_000.0) -> dict[str, float | None]:
        return live_passes(known, joint_test_of(known), 0, rps, given)

    none, some, enough = (left(a_verdict("errors", good))["errors"] for good in (1.0, 10.0, 20.0))
    assert enough == 0.0
    assert none is not None
    assert some is not None
    assert 0.0 < some < none
    assert left(a_verdict("errors", 0.0))["errors"] == left(a_verdict("errors", 1e-9))["errors"]
    assert left(a_verdict("errors", None), a_verdict("budget", 1.0), a_verdict("errors", 1.0, 0)) == {}
    tight = policy({"l": {"sli": "latency", "quantile": 0.9, "ratio": 1}}, stages=STAGE)
    assert live_passes(tight, joint_test_of(tight), 0, 1_000.0, [a_verdict("l", 1.0)]) == {"l": None}
