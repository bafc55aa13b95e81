"""Every fault of a policy: its path, its message, all of them at once, and nothing but faults."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.policy import Policy, PolicyError
from tests.gates.policy_documents import Change, checkout, drop, faults_of, put

FAULTS: list[tuple[Change, str, str]] = [
    (drop("schema"), "schema", "is missing; write for example `schema: sluicegate.policy/v1`"),
    (put("schema", value="sluicegate.policy/v9"), "schema", "write sluicegate.policy/v1"),
    (put("rollout", value="a/b"), "rollout", "'a/b' is not a usable name"),
    (put("rollout", value=7), "rollout", "7 is not text"),
    (put("rollout", value="r" * 129), "rollout", "has 129 characters; write 1 to 128"),
    (put("rollout", value="r\n"), "rollout", "line breaks or invisible characters"),
    (put("owner", value=None), "owner", "nothing is not text"),
    (put("owner", value=""), "owner", "has 0 characters"),
    (put("runbook", value="wiki/page"), "runbook", "write one such as https://"),
    (put("runbook", value="javascript://alert"), "runbook", "is not a web address"),
    (put("runbook", value="http://[x"), "runbook", "is not a web address"),
    (put("labels", value={"team": True}), "labels.team", "true is not text"),
    (put("labels", value={str(i): "x" for i in range(33)}), "labels", "has 33 entries; write at most 32"),
    (put("checks", value={f"c{i}": {"sli": "x"} for i in range(101)}), "checks", "has 101 entries; write at most 100"),
    (put("stages", value=[{} for _ in range(101)]), "stages", "has 101 entries; write at most 100"),
    (put("labels", value=["a"]), "labels", "must be a mapping"),
    (drop("cohorts"), "cohorts", "is missing"),
    (drop("cohorts", "candidate"), "cohorts.candidate", "is missing; write for example `candidate: canary`"),
    (put("cohorts", "candidate", value="stable"), "cohorts.candidate", "must differ from the baseline's name"),
    (put("cohorts", "baseline", value="a\tb"), "cohorts.baseline", "invisible characters"),
    (put("pane", value="1500ms"), "pane", "write whole seconds from 1s to 1m"),
    (put("pane", value="2m"), "pane", "write whole seconds from 1s to 1m"),
    (put("pane", value="0s"), "pane", "write whole seconds from 1s to 1m"),
    (put("stages", value=[]), "stages", "is empty; write at least one stage"),
    (put("stages", value={"canary": {}}), "stages", "must be a list, not a mapping"),
    (put("stages", 0, value="canary"), "stages[0]", "must be a mapping"),
    (put("stages", 1, "name", value="canary"), "stages[1].name", "is also the name of stages[0]"),
    (put("stages", 1, "weight", value="1%"), "stages[1].weight", "1% must be larger than the 1% of the stage before"),
    (put("stages", 1, "weight", value=5), "stages[1].weight", "5 is not a share; write 5% or 0.05"),
    (put("stages", 0, "weight", value="0%"), "stages[0].weight", "write a share above 0%"),
    (put("stages", 0, "weight", value=True), "stages[0].weight", "true is not a share"),
    (put("stages", 0, "bake", value="0s"), "stages[0].bake", "longer than zero"),
    (put("stages", 0, "bake", value=300), "stages[0].bake", "300 has no unit; write 300s"),
    (put("stages", 0, "bakee", value="5m"), "stages[0].bakee", "did you mean `bake`?"),
    (put("stages", 0, "bake_ms", value=5), "stages[0].bake_ms", "is an unknown key"),
    (drop("checks"), "checks", "is missing"),
    (put("checks", value={}), "checks", "a rollout without checks is never judged"),
    (put("checks", "a b", value={"sli": "error_rate", "limit": "1%"}), "checks['a b']", "is not a usable name"),
    (
        put("checks", "x", value={"sli": "cpu"}),
        "checks.x.sli",
        "'cpu' is unknown; write error_rate, success_rate, latency, metric, burn_rate, coverage or throughput_share",
    ),
    (
        put("checks", "x", value={"limit": "1%"}),
        "checks.x.sli",
        "is missing; write what the check measures: error_rate",
    ),
    (put("checks", "x", value={"sli": []}), "checks.x.sli", "a list is unknown"),
    (put("checks", "x", value="5%"), "checks.x", "must be a mapping"),
    (put("checks", "x", value={"sli": "error_rate"}), "checks.x", "can never fail: it has no `limit` and no `ratio`"),
    (drop("checks", "errors", "limit"), "checks.errors.limit", "leaves no baseline for `ratio` to compare with"),
    (put("checks", "errors", "limit", value=None), "checks.errors.limit", "nothing is not a share"),
    (put("checks", "errors", "ratio", value=None), "checks.errors.ratio", "nothing is not a number"),
    (put("checks", "errors", "limit", value="96%"), "checks.errors.limit", "can hardly fail; write at most 95%"),
    (put("checks", "errors", "limit", value="0%"), "checks.errors.limit", "write a share above 0%"),
    (put("checks", "errors", "ratio", value=0.9), "checks.errors.ratio", "write 1 or more"),
    (put("checks", "errors", "ratio", value=math.nan), "checks.errors.ratio", "nan is not a finite number"),
    (put("checks", "errors", "ratio", value=10**400), "checks.errors.ratio", "is not a finite number"),
    (put("checks", "errors", "window", value="1500ms"), "checks.errors.window", "write for example 1s"),
    (put("checks", "errors", "window", value="2h"), "checks.errors.window", "write at most 1h"),
    (put("checks", "errors", "windw", value="2m"), "checks.errors.windw", "did you mean `window`?"),
    (put("checks", "errors", "errors", value=["6xx"]), "checks.errors.errors", "'6xx' is not an outcome"),
    (put("checks", "errors", "errors", value=[]), "checks.errors.errors", "must be a list of outcomes"),
    (put("checks", "errors", "errors", value="5xx"), "checks.errors.errors", "must be a list of outcomes"),
    (put("checks", "errors", "errors", value=["5xx", "5xx"]), "checks.errors.errors", "twice"),
    (put("checks", "errors", "min_events", value=0), "checks.errors.min_events", "is out of range"),
    (put("checks", "p95", "ratio", value=0.9), "checks.p95.ratio", "0.9"),
    (put("confidence", value={"rollback": "60%"}), "confidence.rollback", "is too large an error probability"),
    (put("confidence", value={"rolback": "1%"}), "confidence.rolback", "did you mean `rollback`?"),
    (put("checks", "p95", "quantile", value=95), "checks.p95.quantile", "such as 0.95 for p95"),
    (drop("checks", "p95", "quantile"), "checks.p95.quantile", "is missing; write for example `quantile: 0.95`"),
    (drop("checks", "p95", "limit"), "checks.p95", "can never fail: it has no `limit` and no `ratio`"),
    (put("checks", "p95", "limit", value="5%"), "checks.p95.limit", "is not a duration"),
    (put("checks", "p95", "limit", value="5m"), "checks.p95.limit", "can never fail"),
    (put("stages", 0, "timeout", value="5m"), "stages[0].timeout", "5m must be longer than the bake (5m)"),
    (put("min_requests", value=True), "min_requests", "true is not a whole number"),
    (put("min_requests", value=200.0), "min_requests", "is not a whole number"),
    (put("min_requests", value=10**5000), "min_requests", "a very large number is out of range"),
    (put("min_requests", value=0), "min_requests", "write a whole number from 1 to"),
    (put("min_completeness", value=99), "min_completeness", "write 99% or 0.99"),
    (put("min_completeness", value="0%"), "min_completeness", "write a share above 0%"),
    (put("no_data", "pause_after", value="30s"), "no_data.pause_after", "must be longer than hold_after (30s)"),
    (put("no_data", value={"hold_after": "5m"}), "no_data.pause_after", "5m (the default) must be longer"),
    (put("no_data", value=None), "no_data", "must be a mapping"),
    (put("commands", "tries", value=101), "commands.tries", "write a whole number from 1 to 100"),
    (put("commands", "ack_within", value="soon"), "commands.ack_within", "'soon' is not a duration"),
    (put("stage", value=[]), "stage", "did you mean `stages`?"),
    (put("zzz", value=1), "zzz", "is an unknown key; remove it, or write one of schema, rollout"),
]


@pytest.mark.parametrize(("change", "path", "message"), FAULTS)
def test_a_fault_is_named_with_its_path_and_its_remedy(change: Change, path: str, message: str) -> None:
    """One thing wrong gives one fault, at its path, in plain words."""
    document = checkout()
    change(document)
    faults = faults_of(document)
    assert list(faults) == [path]
    assert message in faults[path]
    assert "Input should" not in faults[path]


APART = [
    put("rollout", value="a/b"),
    put("owner", value=""),
    put("runbook", value="wiki"),
    put("labels", value={"team": 1}),
    put("cohorts", "candidate", value="stable"),
    put("stages", 0, "bake", value=300),
    put("stages", 1, "weight", value="1%"),
    put("stages", 2, "name", value="canary"),
    put("stages", 0, "color", value="red"),
    drop("checks", "errors", "limit"),
    put("checks", "errors", "window", value="1500ms"),
    put("checks", "p95", "quantile", value=95),
    put("checks", "p95", "ratio", value=0.9),
    put("checks", "x", value={"sli": "cpu"}),
    put("min_requests", value=0),
    put("min_completeness", value=99),
    put("no_data", "pause_after", value="1s"),
    put("commands", "tries", value=0),
    put("zzz", value=1),
]


@given(st.lists(st.sampled_from(APART), min_size=1, unique_by=id))
def test_every_fault_is_reported_at_once(changes: list[Change]) -> None:
    """As many faults are reported as were made, whichever they are: none hides another."""
    document = checkout()
    for change in changes:
        change(document)
    with pytest.raises(PolicyError) as caught:
        Policy.parse(document)
    assert len(caught.value.faults) == len(changes)
    assert len({fault.path for fault in caught.value.faults}) == len(changes)


@pytest.mark.parametrize("document", [None, [], "text", 5, {}, {1: 2}])
def test_what_is_no_mapping_is_a_fault_too(document: object) -> None:
    """Anything can be handed to parse: it answers with faults."""
    assert faults_of(document)


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=4)
    | st.sampled_from(["5%", "5m", "error_rate", "latency", "stable", 1.0])
)
KEYS = st.text(max_size=6) | st.integers() | st.sampled_from(["[key]", "sli", "errors", "latency", "stages", "name"])
GARBAGE = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=12)
PLACES = st.sampled_from(
    [(key,) for key in checkout()]
    + [("stages", 0), ("stages", 1, "weight"), ("checks", "errors"), ("checks", "p95", "sli"), ("checks", "latency")]
    + [("cohorts", "baseline"), ("no_data", "hold_after"), ("checks", "errors", "errors"), ("labels",), ("commands",)]
)


@given(st.lists(st.tuples(PLACES, GARBAGE), max_size=4), GARBAGE)
def test_garbage_is_answered_with_faults_only(changes: list[tuple[tuple[str | int, ...], object]], other: Any) -> None:
    """Whatever stands wherever, parse returns a policy or raises PolicyError, with printable messages."""
    document = checkout()
    for way, value in sorted(changes, key=lambda change: -len(change[0])):
        put(*way, value=value)(document)
    for candidate in (document, other):
        for path, message in faults_of(candidate).items():
            assert path.isprintable()
            assert message.isprintable()
