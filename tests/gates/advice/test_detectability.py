"""What a comparison can see: against the real checks, and where there is nothing to say."""

from __future__ import annotations

from math import inf, log
from statistics import median

import numpy as np
import pytest

from gates.advice.detectability import EFFECTS, live, sight
from gates.evidence.evaluation import EvidenceOfRollout
from gates.slis.registry import JointTest
from gates.stats.power import Traffic
from gates.verdicts import Outcome
from tests.gates.pane_builders import EVERY_KIND, T0, cell, pane, policy

STAGE = [{"name": "tenth", "weight": "10%", "bake": "10m"}]
ERRORS = {"e": {"sli": "error_rate", "ratio": 1.25}}
AT_1000 = Traffic(1_000.0, 0.1)


@pytest.mark.parametrize("stated", [{"dispersion": 1}, {"dispersion": 3}, {}])
@pytest.mark.parametrize("times", [2.0, 5.0])
def test_the_median_is_that_of_the_real_check(times: float, stated: dict[str, float]) -> None:
    """Simulated with the real evidence: the median second of the FAIL is as foreseen, to a factor of two."""
    known = policy(ERRORS, stages=STAGE, confidence=stated)
    seen = sight(known, "e", known.checks["e"], AT_1000, 0.01, new=True)
    assert seen is not None
    rng, found = np.random.default_rng(1), []
    for _ in range(15):
        evidence = EvidenceOfRollout(known, T0)
        for second in range(600):
            mine, base = (int(rng.binomial(n, p)) for n, p in ((100, 0.01 * times), (900, 0.01)))
            verdict = evidence.observe(pane(second, cell(100, mine), cell(900, base))).verdicts[0]
            if verdict.outcome is Outcome.FAIL:
                found.append(second + 1)
                break
    assert seen.detect()[times] / 2.0 < median(found) < seen.detect()[times] * 2.0 + 1.0


def test_more_is_seen_sooner() -> None:
    """A larger effect, more traffic and more base errors are all seen sooner; the smallest effect shrinks with time."""
    known = policy(ERRORS, stages=STAGE)

    def seconds(traffic: Traffic, base: float) -> dict[float, float]:
        found = sight(known, "e", known.checks["e"], traffic, base)
        assert found is not None
        return found.detect()

    plain = seconds(AT_1000, 0.01)
    assert plain[1.5] > plain[2.0] > plain[5.0]
    assert all(seconds(Traffic(4_000.0, 0.1), 0.01)[times] < plain[times] for times in EFFECTS)
    assert all(seconds(AT_1000, 0.04)[times] < plain[times] for times in EFFECTS)
    found = sight(known, "e", known.checks["e"], AT_1000, 0.01)
    assert found is not None
    assert (found.smallest(1_000.0) or inf) < (found.smallest(30.0) or 0.0)
    settled = 1.3 + (1.3 - 1.0) / 3.0
    assert found.passes() == pytest.approx(settled * log(20.0) / found.well)


@pytest.mark.parametrize("sli", ["error_rate", "success_rate"])
def test_clusters_are_allowed_for(sli: str) -> None:
    """At a new rollout longest, less once they are measured; as the policy says where it says it, for either share."""
    checks = {"e": {"sli": sli, "ratio": 1.25}}

    def seconds(*, new: bool, **confidence: float) -> float:
        known = policy(checks, stages=STAGE, confidence=confidence)
        found = sight(known, "e", known.checks["e"], AT_1000, 0.01, new=new)
        assert found is not None
        return found.detect()[2.0]

    plain = seconds(new=True, dispersion=1.0)
    assert seconds(new=False, dispersion=4.0) == pytest.approx(4.0 * plain)
    assert plain < seconds(new=False) == pytest.approx(1.4 * plain)
    assert seconds(new=True) > 1.5 * seconds(new=False)


def test_what_is_allowed_is_never_seen() -> None:
    """An effect within `ratio` takes for ever, for shares and for quantiles."""
    checks = {"e": {"sli": "error_rate", "ratio": 3}, "l": {"sli": "latency", "quantile": 0.9, "ratio": 3}}
    known = policy(checks, stages=STAGE)
    for name, definition in known.checks.items():
        found = sight(known, name, definition, AT_1000, 0.01)
        assert found is not None
        assert found.detect()[2.0] == inf
        assert found.detect()[5.0] < inf


def test_several_checks_share_the_error_probability() -> None:
    """Beside a second comparison each needs twice the e-value, and a little more time."""
    alone = policy(ERRORS, stages=STAGE)
    both = policy(ERRORS | {"l": {"sli": "latency", "quantile": 0.9, "ratio": 1.2}}, stages=STAGE)
    first, second = (sight(known, "e", known.checks["e"], AT_1000, 0.01) for known in (alone, both))
    assert first is not None
    assert second is not None
    assert second.rollback == pytest.approx(2.0 * first.rollback)
    assert second.detect()[2.0] > first.detect()[2.0]


def test_nothing_is_seen_where_nothing_is_compared() -> None:
    """A guard rail has no sight; nor has a comparison at full traffic, or before the baseline has a figure."""
    known = policy()
    for name, definition in known.checks.items():
        compares = "ratio" in EVERY_KIND[name]
        assert (sight(known, name, definition, AT_1000, 0.01) is not None) == compares
        assert sight(known, name, definition, Traffic(1_000.0, 1.0), 0.01) is None
        assert sight(known, name, definition, Traffic(0.0, 0.1), 0.01) is None
    errors = known.checks["errors"]
    assert sight(known, "errors", errors, AT_1000, None) is None
    assert sight(known, "errors", errors, AT_1000, 0.0) is None


def test_live_reads_the_baselines_figure_from_the_verdict() -> None:
    """Shares as they are, a mean as its part of the ceiling; no error is half a one."""
    known = policy(stages=STAGE)

    def documents(**values: float) -> tuple[dict[str, object], ...]:
        return tuple({"name": name, "baseline": {"requests": 1_000, "value": v}} for name, v in values.items())

    found = live(known, JointTest.of(known), 0, 1_000.0, documents(errors=0.02, orders=0.02, bounded=0.2))
    assert found["errors"] == found["orders"]
    assert set(found["errors"]) == {"x1.5", "x2", "x5"}
    none = live(known, JointTest.of(known), 0, 1_000.0, documents(errors=0.0))["errors"]
    assert none == live(known, JointTest.of(known), 0, 1_000.0, documents(errors=0.0005))["errors"]
    assert (
        live(known, JointTest.of(known), 0, 1_000.0, ({"name": "errors", "baseline": {"requests": 0, "value": None}},))
        == {}
    )
    assert live(known, JointTest.of(known), 0, 1_000.0, documents(pods=0.5, budget=0.1)) == {}
