"""Error rate: which requests are errors, its limit, its rules and lints."""

from __future__ import annotations

import pytest

from gates.advice.lint import lint
from gates.evidence.evaluation import RolloutEvidence
from gates.panes import CLASSES, NOTHING, Cell
from gates.slis.error_rate import ErrorRateCheck, ErrorRateFigure
from gates.verdicts import VerdictKind
from tests.gates.good_policy import Document, changed
from tests.gates.pane_builders import BASELINE, CANDIDATE, T0, pane, policy
from tests.gates.policy_documents import checkout, faults_of

MIXED = Cell(tuple(range(1, len(CLASSES) + 1)))
"""One request of the first class, two of the second, and so on."""


@pytest.mark.parametrize("errors", [["5xx", "error"], ["4xx"], ["4xx", "5xx"], ["error"], ["3xx", "ok"]])
def test_errors_are_what_the_policy_says(errors: list[str]) -> None:
    """Status classes and outcomes, any of them, among all requests."""
    check = policy({"e": {"sli": "error_rate", "limit": "5%", "errors": errors}}).checks["e"]
    assert isinstance(check, ErrorRateCheck)
    expected = sum(CLASSES.index(word) + 1 for word in errors)
    assert ErrorRateFigure(check).tally(MIXED) == (expected, sum(MIXED.counts))


@pytest.mark.parametrize(("errors", "outcome"), [(["4xx"], VerdictKind.FAIL), (["5xx"], VerdictKind.PASS)])
def test_a_limit_looks_at_those_errors_alone(errors: list[str], outcome: VerdictKind) -> None:
    """A candidate with four hundred answers of 4xx breaks the limit on these, and no other."""
    check = {"sli": "error_rate", "limit": "10%", "errors": errors}
    evidence = RolloutEvidence(policy({"e": check}, stages=[{"name": "tenth", "weight": "10%", "bake": "10s"}]), T0)
    evidence.confirm_stage(T0)
    refused = Cell(tuple(400 if word in ("2xx", "4xx") else 0 for word in CLASSES))
    (verdict,) = evidence.observe(pane(0, refused, refused)).verdicts
    assert verdict.kind is outcome


TURNED_AWAY = Cell((0, 700, 0, 200, 0, 0, 100), statuses={404: 80, 429: 90, 1_008: 10, 1_013: 40, 1_014: 60})
"""A thousand requests, of which some failed in several ways."""


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        (["5xx", "error"], 100),
        (["5xx", "error", 429], 190),
        (["5xx", 429, "grpc:14"], 150),
        (["4xx", "grpc:13"], 240),
        (["grpc:8", 404, 503], 90),
    ],
)
@pytest.mark.parametrize("kind", ["error_rate", "burn_rate", "budget"])
@pytest.mark.parametrize("cohort", [CANDIDATE, BASELINE])
def test_each_sli_counts_exact_statuses(kind: str, errors: list[str | int], expected: int, cohort: str) -> None:
    """In the window, in the stage's totals, and of either cohort, each request once."""
    checks = {
        "error_rate": {"sli": "error_rate", "ratio": 1.5, "limit": "90%", "errors": errors},
        "burn_rate": {"sli": "burn_rate", "slo": "99%", "window": "12s", "spend": "0.01%", "errors": errors},
        "budget": {"sli": "latency", "quantile": 0.5, "limit": "1s"},
    }
    more = {"budget": {"slo": "50%", "spend": "90%", "errors": errors}} if kind == "budget" else {}
    known = policy({"e": checks[kind]}, stages=[{"name": "tenth", "weight": "10%", "bake": "10s"}], **more)
    evidence = RolloutEvidence(known, T0)
    evidence.confirm_stage(T0)
    for second in range(3):
        cells = {CANDIDATE: NOTHING, BASELINE: NOTHING} | {cohort: TURNED_AWAY}
        found = evidence.observe(pane(second, cells[CANDIDATE], cells[BASELINE]))
    verdict = next(each for each in found.verdicts if each.name == ("budget" if kind == "budget" else "e"))
    measured = verdict.candidate if cohort == CANDIDATE else verdict.baseline
    assert measured.errors == (None if kind == "budget" and cohort == BASELINE else 3 * expected)


@pytest.mark.parametrize(
    ("check", "path", "message"),
    [
        ({"sli": "error_rate"}, "checks.x", "can never fail: it has no `limit` and no `ratio`; write `limit: 5%`"),
        ({"sli": "error_rate", "ratio": 1.2}, "checks.x.limit", "a stage at 100% leaves no baseline for `ratio`"),
        (
            {"sli": "error_rate", "limit": "5%", "severity": "advisory", "on_fail": "pause"},
            "checks.x.on_fail",
            "must be absent or `notify`, because severity is advisory",
        ),
        (
            {"sli": "error_rate", "limit": "5%", "severity": "critical", "on_fail": "notify"},
            "checks.x.on_fail",
            "must not be `notify`, because severity is critical",
        ),
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
        ({"checks.errors.limit": "90%"}, "checks.errors.limit", "lets more than half of the requests fail"),
        ({"checks.errors.ratio": 120}, "checks.errors.ratio", "accepts 120 times the baseline's figure"),
        ({"checks.errors.errors": ["5xx", "2xx"]}, "checks.errors.errors", "counts 2xx, which are successes"),
        (
            {"checks.e": {"sli": "error_rate", "ratio": 1.2, "min_events": 5}, "stages.1.weight": "50%"},
            "checks.e.min_events",
            "belongs to `limit`",
        ),
    ],
)
def test_what_is_odd_is_remarked(changes: Document, path: str, words: str) -> None:
    """At the key, with why it matters."""
    found = {remark.path: remark.message for remark in lint(changed(changes))}
    assert words in found[path]


@pytest.mark.parametrize(
    ("changes", "rps", "path", "words"),
    [
        ({}, 5.0, "checks.errors.min_events", "cannot fail in stage tenth: at 5 requests/s, a 30s window"),
    ],
)
def test_what_traffic_is_too_little_for_is_remarked(changes: Document, rps: float, path: str, words: str) -> None:
    """Only where the traffic is given."""
    policy = changed(changes)
    assert lint(policy) == ()
    assert words in " ".join(remark.message for remark in lint(policy, rps) if remark.path == path)
