"""The policy: what it reads, what it defaults to, and its canonical form."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gates.documents.quantities import format_duration, format_share
from gates.policy import Policy
from gates.slis.error_rate import ErrorRateCheck
from gates.slis.latency import LatencyCheck
from tests.gates.policy_documents import Document, checkout


def test_a_policy_reads_into_milliseconds_and_fractions() -> None:
    """Durations become whole milliseconds, shares become fractions, checks become their own types."""
    policy = Policy.parse(checkout())
    assert [(s.name, s.weight, s.bake_ms) for s in policy.stages] == [
        ("canary", 0.01, 300_000),
        ("tenth", 0.1, 600_000),
        ("full", 1.0, 1_800_000),
    ]
    errors, p95 = policy.checks["errors"], policy.checks["p95"]
    assert isinstance(errors, ErrorRateCheck)
    assert (errors.ratio, errors.limit, errors.window_ms) == (1.25, 0.05, 30_000)
    assert isinstance(p95, LatencyCheck)
    assert (p95.quantile, p95.limit_ms, p95.window_ms) == (0.95, 800, 60_000)


def test_what_is_left_out_has_defaults() -> None:
    """A policy needs a schema, a rollout, cohorts, stages and checks; the rest has defaults."""
    policy = Policy.parse(
        {
            "schema": "sluicegate.policy/v1",
            "rollout": "r",
            "cohorts": {"baseline": "a", "candidate": "b"},
            "stages": [{"name": "half", "weight": 0.5, "bake": "1s"}],
            "checks": {"e": {"sli": "error_rate", "ratio": 1}, "l": {"sli": "latency", "quantile": 0.5, "limit": "1s"}},
        }
    )
    assert (policy.owner, policy.runbook, dict(policy.labels)) == (None, None, {})
    assert (policy.pane_ms, policy.min_requests, policy.min_completeness) == (1_000, 200, 0.99)
    assert (policy.no_data.hold_after_ms, policy.no_data.pause_after_ms) == (30_000, 300_000)
    assert (policy.commands.ack_within_ms, policy.commands.tries) == (10_000, 5)
    errors, latency = policy.checks["e"], policy.checks["l"]
    assert isinstance(errors, ErrorRateCheck)
    assert (errors.limit, errors.window_ms, errors.errors, errors.min_events) == (None, 30_000, ("5xx", "error"), 20)
    assert isinstance(latency, LatencyCheck)
    assert (latency.window_ms, latency.min_events) == (60_000, 20)


def test_a_policy_never_changes() -> None:
    """Attributes, checks and labels are read-only; a deep copy is the policy itself."""
    policy = Policy.parse(checkout())
    with pytest.raises(ValidationError):
        policy.rollout = "other"  # type: ignore[misc]  # the fault is the point
    with pytest.raises(TypeError):
        policy.checks["new"] = policy.checks["errors"]  # type: ignore[index]
    assert copy.deepcopy(policy) is policy
    assert len({policy, Policy.parse(checkout())}) == 1


def test_equal_meaning_has_an_equal_hash() -> None:
    """How a duration, a share or an order is written does not show in the hash; what it means does."""
    other = dict(reversed(checkout().items()))
    other["stages"][0] = {"bake": "300s", "weight": 0.01, "name": "canary"}
    other["checks"] = dict(reversed(other["checks"].items()))
    other["checks"]["errors"]["errors"] = ["error", "5xx"]
    one, same = Policy.parse(checkout()), Policy.parse(other)
    assert one == same
    assert one.hash == same.hash
    assert list(one.checks) == list(same.checks)
    other["min_requests"] = 201
    assert Policy.parse(other).hash != one.hash


def test_the_hash_stays_what_it_is() -> None:
    """The hash stands in decisions and on topics, so it changes only where the policy then means something else."""
    assert Policy.parse(checkout()).hash == "sha256:acb4691383696206327fb8439cb141751f46f4ed207acf2d6ea919a7c97aae29"


def identifiers(longest: int) -> st.SearchStrategy[str]:
    """Generate names that a policy accepts."""
    return st.from_regex(rf"\A[A-Za-z0-9][A-Za-z0-9._-]{{0,{longest - 1}}}\Z")


SHARES = st.floats(1e-9, 0.95)
TEXTS = st.text(min_size=1, max_size=40).filter(str.isprintable)
PANES = st.sampled_from([1_000, 2_000, 5_000])


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Generate documents of good policies, over all their fields."""
    pane = draw(PANES)
    window = st.integers(1, 3_600_000 // pane).map(lambda panes: format_duration(panes * pane))
    duration = st.integers(1, 10**9).map(format_duration)
    share = SHARES | SHARES.map(format_share)
    error_rate = st.fixed_dictionaries(
        {"sli": st.just("error_rate"), "limit": share, "window": window},
        optional={
            "ratio": st.floats(1, 1000) | st.integers(1, 1000),
            "errors": st.lists(st.sampled_from(["2xx", "4xx", "5xx", "ok", "error"]), min_size=1, unique=True),
            "min_events": st.integers(1, 10**9),
        },
    )
    latency = st.fixed_dictionaries(
        {"sli": st.just("latency"), "limit": st.integers(1, 240_000).map(format_duration), "window": window},
    ).flatmap(lambda check: st.floats(0.001, 0.999).map(lambda q: {**check, "quantile": q}))
    names = draw(st.lists(identifiers(64), min_size=1, max_size=4, unique=True))
    weights = sorted(draw(st.lists(st.floats(1e-9, 1.0), min_size=len(names), max_size=len(names), unique=True)))
    hold, pause = sorted(draw(st.lists(st.integers(1, 10**9), min_size=2, max_size=2, unique=True)))
    baseline, candidate = draw(st.lists(TEXTS, min_size=2, max_size=2, unique=True))
    optional = {
        "owner": TEXTS,
        "runbook": st.just("https://wiki.example/x"),
        "labels": st.dictionaries(TEXTS, TEXTS, max_size=4),
        "min_requests": st.integers(1, 10**9),
        "min_completeness": share,
        "commands": st.fixed_dictionaries({}, optional={"ack_within": duration, "tries": st.integers(1, 100)}),
    }
    return {
        "schema": "sluicegate.policy/v1",
        "rollout": draw(identifiers(128)),
        "cohorts": {"baseline": baseline, "candidate": candidate},
        "pane": format_duration(pane),
        "stages": [{"name": n, "weight": w, "bake": draw(duration)} for n, w in zip(names, weights, strict=True)],
        "checks": draw(st.dictionaries(identifiers(64), error_rate | latency, min_size=1, max_size=4)),
        "no_data": {"hold_after": format_duration(hold), "pause_after": format_duration(pause)},
        **draw(st.fixed_dictionaries({}, optional=optional)),
    }


@given(documents())
def test_a_policy_survives_the_way_through_a_message(document: Document) -> None:
    """The canonical document, through JSON, reads back to an equal policy with the same document and hash."""
    policy = Policy.parse(document)
    again = Policy.parse(json.loads(json.dumps(policy.document())))
    assert again == policy
    assert again.document() == policy.document()
    assert again.hash == policy.hash


def test_the_budget_is_judged_beside_the_checks() -> None:
    """What gets a verdict: the checks by name, and the budget last."""
    policy = Policy.parse(checkout() | {"budget": {"slo": "99.9%", "spend": "5%"}})
    assert list(policy.judged) == ["errors", "p95", "budget"]
    assert list(Policy.parse(checkout()).judged) == ["errors", "p95"]
