"""Latency: its limit, its displayed interval, its rules and lints."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gates.advice.lint import lint
from gates.panes import Cell
from gates.stats.histogram import Histogram
from gates.verdicts import VerdictKind
from tests.gates.good_policy import Document, changed
from tests.gates.pane_builders import BASELINE, CANDIDATE, cell
from tests.gates.policy_documents import checkout, faults_of
from tests.gates.slis.watched import Watched


def test_a_limit_is_broken_by_the_share_of_slower_requests() -> None:
    """More than 5% of the requests beyond the limit of p95, and at least `min_events` of them."""
    hand = Watched(sli="latency", quantile=0.95, limit="100ms", window="5s")
    assert hand.second(cell(100, latency_ms=10.0), cell(100)).kind is VerdictKind.PASS
    assert hand.second(cell(19, latency_ms=900.0), cell(100)).kind is VerdictKind.INCONCLUSIVE
    verdict = hand.second(cell(1, latency_ms=900.0), cell(100))
    assert verdict.kind is VerdictKind.FAIL
    assert verdict.reason.startswith("it: canary ")
    assert "(120 requests in 5s), above the limit of 100 ms" in verdict.reason


def test_the_interval_of_each_quantile_is_displayed() -> None:
    """By cohort, in milliseconds; None for a cohort without requests."""
    hand = Watched(sli="latency", quantile=0.5, limit="1s", window="5s")
    verdict = hand.second(cell(5_000, latency_ms=20.0), None)
    (verdict,) = hand.evidence.with_intervals((verdict,))
    shown = verdict.intervals.quantile
    assert shown is not None
    ends = shown[CANDIDATE]
    assert ends is not None
    lower, upper = ends
    assert upper is not None
    assert lower <= 20.0 <= upper
    assert shown[BASELINE] is None


def shown_after(seconds: int, rules: int, **check: Any) -> tuple[float, float]:
    """The interval of the candidate's median."""
    hand = Watched(sli="latency", quantile=0.5, limit="1s", window="1m", rules=rules, **check)
    usual = replace(cell(100), latency=Histogram.of([float(ms) for ms in range(10, 110)]))
    verdicts = [hand.second(usual, usual) for _ in range(seconds)]
    (verdict,) = hand.evidence.with_intervals((verdicts[-1],))
    assert verdict.intervals.quantile is not None
    ends = verdict.intervals.quantile[CANDIDATE]
    assert ends is not None
    assert ends[1] is not None
    return ends[0], ends[1]


def test_slow_requests_that_may_come_together_widen_the_interval() -> None:
    """By the phi of the comparison, which begins with its prior; without one, requests are taken as independent."""
    alone, compared = shown_after(60, 3), shown_after(60, 3, ratio=1.2)
    assert compared[0] < alone[0] < alone[1] < compared[1]


def test_an_epoch_of_earlier_rules_shows_its_confidence_sequence() -> None:
    """Wider at one look, and the same with a comparison or without: an old journal folds to the same bytes."""
    earlier, now = shown_after(5, 2), shown_after(5, 3)
    assert earlier == shown_after(5, 1, ratio=1.2)
    assert earlier[0] < now[0] < now[1] < earlier[1]


@pytest.mark.parametrize(
    ("check", "path", "message"),
    [
        ({"sli": "latency", "quantile": 0.2, "ratio": 1.2, "limit": "1s"}, "checks.x.quantile", "write at least 0.25"),
        ({"sli": "latency", "quantile": 0.95, "ratio": 1.2}, "checks.x.limit", "such as `limit: 800ms`"),
    ],
)
def test_its_rules(check: Document, path: str, message: str) -> None:
    """One fault, at its path, with what to write."""
    document = checkout()
    document["checks"]["x"] = check
    faults = faults_of(document)
    assert list(faults) == [path]
    assert message in faults[path]


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"checks.p95.ratio": 1}, "checks.p95.ratio", "within the noise of one host"),
        ({"checks.p95.quantile": 0.4}, "checks.p95.quantile", "measures the fastest requests"),
    ],
)
def test_what_is_odd_is_remarked(changes: Document, path: str, words: str) -> None:
    """At the key, with why it matters."""
    found = {remark.path: remark.message for remark in lint(changed(changes))}
    assert words in found[path]


@pytest.mark.parametrize(
    ("changes", "rps", "path", "words"),
    [
        ({"checks.p95.quantile": 0.999}, 50.0, "checks.p95.quantile", "fewer than 10 values a minute beyond the"),
    ],
)
def test_what_traffic_is_too_little_for_is_remarked(changes: Document, rps: float, path: str, words: str) -> None:
    """Only where the traffic is given."""
    policy = changed(changes)
    assert lint(policy) == ()
    assert words in " ".join(remark.message for remark in lint(policy, rps) if remark.path == path)


@pytest.mark.parametrize(("missing", "kind"), [(0, VerdictKind.PASS), (85, VerdictKind.INCONCLUSIVE)])
def test_requests_without_a_latency_do_not_make_it_pass(missing: int, kind: VerdictKind) -> None:
    """They are requests, and their latencies are not in the quantile: too few of them are left to judge by."""
    hand = Watched(sli="latency", quantile=0.95, limit="800ms", window="10s")
    known = cell(100)
    verdict = hand.second(Cell(known.counts, Histogram.of([10.0] * (100 - missing))), cell(100))
    assert verdict.kind is kind
    if missing:
        assert verdict.reason == (
            "it: canary has 15 latencies, needs 20; 85 of its 100 requests in the window have none"
        )
