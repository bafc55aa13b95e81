"""Metric: its limit on a mean or a quantile, its rules and lints."""

from __future__ import annotations

import pytest

from gates.advice.lint import lint
from gates.verdicts import VerdictKind
from tests.gates.good_policy import Document, changed
from tests.gates.pane_builders import cell
from tests.gates.policy_documents import checkout, faults_of
from tests.gates.slis.watched import Watched

MEAN: Document = {"sli": "metric", "metric": "cpu", "limit": 5, "ratio": 1.2, "ceiling": 10}


def test_a_mean_at_the_limit_is_within() -> None:
    """Values are kept to two digits; one that is exactly the limit must not be taken for more, or for less."""
    for better, outside in (("lower", 1.05), ("higher", 0.95)):
        for limit in (1, 3, 250, 7.7):
            fields: Document = {"sli": "metric", "metric": "m", "limit": limit, "better": better, "window": "5s"}
            hand, other = Watched(**fields), Watched(**fields)
            for _ in range(5):
                same = [hand.second(*(cell(20, metrics={"m": [float(limit)] * 20}),) * 2)]
                worse = other.second(cell(20, metrics={"m": [limit * outside] * 20}), cell(20, metrics={"m": [0.0]}))
            assert same[-1].kind is VerdictKind.PASS, same[-1].reason
            assert worse.kind is VerdictKind.FAIL


def test_a_ceiling_cuts_values_off_for_the_limit_too() -> None:
    """One wild value among thirty moves a mean by the ceiling at most; without a ceiling it breaks the limit alone."""
    ceilings: list[tuple[Document, VerdictKind]] = [({"ceiling": 500}, VerdictKind.PASS), ({}, VerdictKind.FAIL)]
    for ceiling, kind in ceilings:
        hand = Watched(sli="metric", metric="m", limit=120, window="5s", **ceiling)
        found = hand.second(cell(30, metrics={"m": [50.0] * 29 + [60_000.0]}), cell(30))
        assert found.kind is kind, found.reason
        assert (found.candidate.value or 0.0) < 70 or not ceiling


def test_a_limit_alone_asks_the_candidate_only() -> None:
    """A metric that only the new version sends can pass; what is compared with the baseline cannot."""
    fields: Document = {"sli": "metric", "metric": "m", "limit": 50, "window": "5s", "ceiling": 90}
    known: list[tuple[Document, VerdictKind]] = [({}, VerdictKind.PASS), ({"ratio": 1.2}, VerdictKind.NO_DATA)]
    for more, kind in known:
        found = Watched(**fields, **more).second(cell(30, metrics={"m": [1.0] * 30}), cell(30))
        assert found.kind is kind, found.reason


def test_a_mean_without_a_stage_at_all_traffic_may_have_any_limit() -> None:
    """The limit is compared with cut-off values only where no baseline is left."""
    document = checkout()
    del document["stages"][2]
    document["checks"]["m"] = {**MEAN, "limit": 500}
    assert faults_of(document) == {}


@pytest.mark.parametrize(
    ("check", "path", "message"),
    [
        ({**MEAN, "limit": 10}, "checks.x.limit", "10 must lie between 0 and the ceiling"),
        ({**MEAN, "limit": -1}, "checks.x.limit", "-1 must lie between"),
        (
            {"sli": "metric", "metric": "cpu", "limit": 5, "ratio": 1.2},
            "checks.x.ceiling",
            "is missing: a mean is compared on values that are cut off",
        ),
        ({**MEAN, "quantile": 0.9, "better": "higher"}, "checks.x.quantile", "write at most 0.75"),
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
        (
            {"checks.m": {"sli": "metric", "metric": "m", "quantile": 0.95, "limit": 5, "better": "higher"}},
            "checks.m.quantile",
            "write 0.05 or so for the smallest",
        ),
        (
            {"checks.m": {"sli": "metric", "metric": "m", "quantile": 0.05, "limit": 5}},
            "checks.m.quantile",
            "write 0.95 or so for the largest",
        ),
        (
            {"checks.m": {"sli": "metric", "metric": "m", "limit": 50, "ceiling": 50}},
            "checks.m.limit",
            "cannot fail: values are cut off at the ceiling, 50",
        ),
        (
            {"checks.m": {"sli": "metric", "metric": "m", "limit": 50, "ceiling": 40, "better": "higher"}},
            "checks.m.limit",
            "fails always",
        ),
        ({"checks.m": {**MEAN, "quantile": 0.9}}, "checks.m.ceiling", "belongs to a mean, and this is a quantile"),
    ],
)
def test_what_is_odd_is_remarked(changes: Document, path: str, words: str) -> None:
    """At the key, with why it matters."""
    found = {remark.path: remark.message for remark in lint(changed(changes))}
    assert words in found[path]


@pytest.mark.parametrize(
    ("changes", "rps", "path", "words"),
    [
        ({"checks.m": MEAN}, 2.0, "checks.m.min_events", "a 1m window has fewer than 20 values"),
    ],
)
def test_what_traffic_is_too_little_for_is_remarked(changes: Document, rps: float, path: str, words: str) -> None:
    """Only where the traffic is given."""
    policy = changed(changes)
    assert lint(policy) == ()
    assert words in " ".join(remark.message for remark in lint(policy, rps) if remark.path == path)
