"""The policy: what it reads, what it defaults to, every fault it names, and its canonical form."""

import copy
import difflib
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gates.documents.faults import MOST_FAULTS
from gates.documents.quantities import format_duration, format_share
from gates.policy import ErrorRateCheck, LatencyCheck, Policy, PolicyError

Document = dict[str, Any]
Change = Callable[[Document], object]


def checkout() -> Document:
    """Return the policy document that most tests start from."""
    return {
        "schema": "sluicegate.policy/v1",
        "rollout": "checkout-v2",
        "owner": "payments",
        "cohorts": {"baseline": "stable", "candidate": "canary"},
        "pane": "1s",
        "stages": [
            {"name": "canary", "weight": "1%", "bake": "5m"},
            {"name": "tenth", "weight": "10%", "bake": "10m"},
            {"name": "full", "weight": "100%", "bake": "30m"},
        ],
        "checks": {
            "errors": {"sli": "error_rate", "ratio": 1.25, "limit": "5%", "window": "30s"},
            "p95": {"sli": "latency", "quantile": 0.95, "limit": "800ms", "window": "1m"},
        },
        "min_requests": 200,
        "no_data": {"hold_after": "30s", "pause_after": "5m"},
    }


def put(*way: str | int, value: object) -> Change:
    """Make the change that writes `value` at a place of a document."""

    def change(document: Document) -> None:
        at: Any = document
        for part in way[:-1]:
            at = at.setdefault(part, {}) if isinstance(at, dict) else at[part]
        at[way[-1]] = value

    return change


def drop(*way: str | int) -> Change:
    """Make the change that takes a key out of a document."""

    def change(document: Document) -> None:
        at: Any = document
        for part in way[:-1]:
            at = at[part]
        del at[way[-1]]

    return change


def faults_of(document: Any) -> dict[str, str]:
    """Return the faults of a document, message by path; none where it is a policy."""
    try:
        Policy.parse(document)
    except PolicyError as error:
        faults = error.faults
    else:
        return {}
    assert faults
    return {fault.path: fault.message for fault in faults}


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
    assert isinstance(latency, LatencyCheck)
    assert (errors.limit, errors.window_ms, errors.errors, errors.min_events) == (None, 30_000, ("5xx", "error"), 20)
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


FAULTS: list[tuple[Change, str, str]] = [
    (drop("schema"), "schema", "is missing: write for example `schema: sluicegate.policy/v1`"),
    (put("schema", value="sluicegate.policy/v9"), "schema", "write sluicegate.policy/v1"),
    (put("rollout", value="a/b"), "rollout", "'a/b' is not a usable name"),
    (put("rollout", value=7), "rollout", "7 is not text"),
    (put("rollout", value="r" * 129), "rollout", "has 129 characters: write 1 to 128"),
    (put("rollout", value="r\n"), "rollout", "line breaks or invisible characters"),
    (put("owner", value=None), "owner", "nothing is not text"),
    (put("owner", value=""), "owner", "has 0 characters"),
    (put("runbook", value="wiki/page"), "runbook", "write one such as https://"),
    (put("runbook", value="javascript://alert"), "runbook", "is not a web address"),
    (put("runbook", value="http://[x"), "runbook", "is not a web address"),
    (put("labels", value={"team": True}), "labels.team", "true is not text"),
    (put("labels", value={str(i): "x" for i in range(33)}), "labels", "has 33 entries: write at most 32"),
    (put("checks", value={f"c{i}": {"sli": "x"} for i in range(101)}), "checks", "has 101 entries: write at most 100"),
    (put("stages", value=[{} for _ in range(101)]), "stages", "has 101 entries: write at most 100"),
    (put("labels", value=["a"]), "labels", "must be a mapping"),
    (drop("cohorts"), "cohorts", "is missing"),
    (drop("cohorts", "candidate"), "cohorts.candidate", "is missing: write for example `candidate: canary`"),
    (put("cohorts", "candidate", value="stable"), "cohorts.candidate", "is the baseline too"),
    (put("cohorts", "baseline", value="a\tb"), "cohorts.baseline", "invisible characters"),
    (put("pane", value="1500ms"), "pane", "write whole seconds from 1s to 1m"),
    (put("pane", value="2m"), "pane", "write whole seconds from 1s to 1m"),
    (put("pane", value="0s"), "pane", "write whole seconds from 1s to 1m"),
    (put("stages", value=[]), "stages", "is empty: write at least one stage"),
    (put("stages", value={"canary": {}}), "stages", "must be a list, and is a mapping"),
    (put("stages", 0, value="canary"), "stages[0]", "must be a mapping"),
    (put("stages", 1, "name", value="canary"), "stages[1].name", "is the name of stages[0] too"),
    (put("stages", 1, "weight", value="1%"), "stages[1].weight", "1% is not more than the 1% reached before"),
    (put("stages", 1, "weight", value=5), "stages[1].weight", "5 is not a share: write 5% or 0.05"),
    (put("stages", 0, "weight", value="0%"), "stages[0].weight", "write a share above 0%"),
    (put("stages", 0, "weight", value=True), "stages[0].weight", "true is not a share"),
    (put("stages", 0, "bake", value="0s"), "stages[0].bake", "longer than zero"),
    (put("stages", 0, "bake", value=300), "stages[0].bake", "300 has no unit: write 300s"),
    (put("stages", 0, "bakee", value="5m"), "stages[0].bakee", "did you mean `bake`?"),
    (put("stages", 0, "bake_ms", value=5), "stages[0].bake_ms", "is not a known key"),
    (drop("checks"), "checks", "is missing"),
    (put("checks", value={}), "checks", "a rollout without checks can never be judged"),
    (put("checks", "a b", value={"sli": "error_rate", "limit": "1%"}), "checks['a b']", "is not a usable name"),
    (
        put("checks", "x", value={"sli": "cpu"}),
        "checks.x.sli",
        "'cpu' is not known: write error_rate, success_rate, latency, metric, burn_rate, coverage or throughput_share",
    ),
    (put("checks", "x", value={"limit": "1%"}), "checks.x.sli", "is missing: write what the check looks at"),
    (put("checks", "x", value={"sli": []}), "checks.x.sli", "a list is not known"),
    (put("checks", "x", value="5%"), "checks.x", "must be a mapping"),
    (put("checks", "x", value={"sli": "error_rate"}), "checks.x", "has neither `limit` nor `ratio`"),
    (drop("checks", "errors", "limit"), "checks.errors.limit", "leaves no baseline for `ratio` to compare with"),
    (put("checks", "errors", "limit", value=None), "checks.errors.limit", "nothing is not a share"),
    (put("checks", "errors", "ratio", value=None), "checks.errors.ratio", "nothing is not a number"),
    (put("checks", "errors", "limit", value="96%"), "checks.errors.limit", "can hardly fail: write at most 95%"),
    (put("checks", "errors", "limit", value="0%"), "checks.errors.limit", "write a share above 0%"),
    (put("checks", "errors", "ratio", value=0.9), "checks.errors.ratio", "write 1 or more"),
    (put("checks", "errors", "ratio", value=math.nan), "checks.errors.ratio", "nan is not a finite number"),
    (put("checks", "errors", "ratio", value=10**400), "checks.errors.ratio", "is not a finite number"),
    (put("checks", "errors", "window", value="1500ms"), "checks.errors.window", "write for example 1s"),
    (put("checks", "errors", "window", value="2h"), "checks.errors.window", "write at most 1h"),
    (put("checks", "errors", "windw", value="2m"), "checks.errors.windw", "did you mean `window`?"),
    (put("checks", "errors", "errors", value=["6xx"]), "checks.errors.errors", "'6xx' is not a class of outcomes"),
    (put("checks", "errors", "errors", value=[]), "checks.errors.errors", "does not say what an error is"),
    (put("checks", "errors", "errors", value="5xx"), "checks.errors.errors", "write a list"),
    (put("checks", "errors", "errors", value=["5xx", "5xx"]), "checks.errors.errors", "twice"),
    (put("checks", "errors", "min_events", value=0), "checks.errors.min_events", "is out of range"),
    (put("checks", "p95", "ratio", value=0.9), "checks.p95.ratio", "0.9"),
    (put("confidence", value={"rollback": "60%"}), "confidence.rollback", "is no confidence"),
    (put("confidence", value={"rolback": "1%"}), "confidence.rolback", "did you mean `rollback`?"),
    (put("checks", "p95", "quantile", value=95), "checks.p95.quantile", "such as 0.95 for p95"),
    (drop("checks", "p95", "quantile"), "checks.p95.quantile", "is missing: write for example `quantile: 0.95`"),
    (drop("checks", "p95", "limit"), "checks.p95", "has neither `limit` nor `ratio`"),
    (put("checks", "p95", "limit", value="5%"), "checks.p95.limit", "is not a duration"),
    (put("checks", "p95", "limit", value="5m"), "checks.p95.limit", "can never fail"),
    (put("stages", 0, "timeout", value="5m"), "stages[0].timeout", "is not longer than the bake, 5m"),
    (put("min_requests", value=True), "min_requests", "true is not a whole number"),
    (put("min_requests", value=200.0), "min_requests", "is not a whole number"),
    (put("min_requests", value=10**5000), "min_requests", "a very large number is out of range"),
    (put("min_requests", value=0), "min_requests", "write a whole number from 1 to"),
    (put("min_completeness", value=99), "min_completeness", "write 99% or 0.99"),
    (put("min_completeness", value="0%"), "min_completeness", "write a share above 0%"),
    (put("no_data", "pause_after", value="30s"), "no_data.pause_after", "is not later than hold_after, 30s"),
    (put("no_data", value={"hold_after": "5m"}), "no_data.pause_after", "5m (the default) is not later"),
    (put("no_data", value=None), "no_data", "must be a mapping"),
    (put("commands", "tries", value=101), "commands.tries", "write a whole number from 1 to 100"),
    (put("commands", "ack_within", value="soon"), "commands.ack_within", "'soon' is not a duration"),
    (put("stage", value=[]), "stage", "did you mean `stages`?"),
    (put("zzz", value=1), "zzz", "is not a known key: remove it, or write one of schema, rollout"),
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


@given(unknown=st.integers(MOST_FAULTS - 3, 5 * MOST_FAULTS), changes=st.integers(0, len(APART)))
def test_faults_without_end_are_counted(unknown: int, changes: int) -> None:
    """However many there are: the first are told, and how many more there are."""
    document = checkout()
    for change in APART[:changes]:
        change(document)
    with pytest.raises(PolicyError) as caught:
        Policy.parse(document | {f"unknown{number}": 0 for number in range(unknown)})
    assert len(caught.value.faults) == min(MOST_FAULTS, unknown + changes)
    assert len(caught.value.faults) + caught.value.more == unknown + changes
    assert str(caught.value).endswith(f"\nand {caught.value.more} more") == (caught.value.more > 0)


def test_a_near_word_is_sought_for_what_is_told_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a while: fifty thousand unknown keys kept the sequencer busy for seconds."""
    sought: list[str] = []

    def note(key: str, *_: object, **__: object) -> list[str]:
        sought.append(key)
        return []

    monkeypatch.setattr(difflib, "get_close_matches", note)
    faults_of(checkout() | {f"unknown{number}": 0 for number in range(10 * MOST_FAULTS)})
    assert len(sought) == MOST_FAULTS


def test_windows_are_whole_numbers_of_panes_even_by_default() -> None:
    """A pane that does not divide a window is a fault at the window, and says whether that is a default."""
    document = checkout()
    document["pane"] = "7s"
    del document["checks"]["p95"]["window"]
    faults = faults_of(document)
    assert faults["checks.errors.window"].startswith("30s is not a whole number of panes of 7s: write for example 28s")
    assert faults["checks.p95.window"].startswith("1m (the default) is not a whole number of panes of 7s")


def test_without_a_stage_at_all_traffic_a_ratio_is_enough() -> None:
    """The limit beside a ratio is needed only where no baseline is left."""
    document = checkout()
    del document["stages"][2], document["checks"]["errors"]["limit"]
    assert faults_of(document) == {}


@pytest.mark.parametrize("document", [None, [], "text", 5, {}, {1: 2}])
def test_what_is_no_mapping_is_a_fault_too(document: object) -> None:
    """Anything can be handed to parse: it answers with faults."""
    assert faults_of(document)


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


@pytest.mark.parametrize(
    ("check", "path", "words"),
    [
        ({"quantile": 0.2, "ratio": 1.2, "limit": "1s"}, "checks.p95.quantile", "too low to compare"),
        ({"quantile": 0.95, "ratio": 1.2}, "checks.p95.limit", "such as `limit: 800ms`"),
    ],
)
def test_a_latency_comparison_has_its_rules(check: Document, path: str, words: str) -> None:
    """A quantile that leaves a tail to compare, and a limit for the stage that has no baseline."""
    document = checkout()
    document["checks"]["p95"] = {"sli": "latency", **check}
    with pytest.raises(PolicyError) as caught:
        Policy.parse(document)
    assert [fault.path for fault in caught.value.faults] == [path]
    assert words in caught.value.faults[0].message


MEAN = {"sli": "metric", "metric": "cpu", "ratio": 1.2, "ceiling": 100}


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        (put("rollback_on", value={"failing": 2}), "rollback_on.failing", "2 is more than there are families"),
        (put("rollback_on", value={"failing": 2}), "rollback_on.failing", "1 (errors): write 1 or less"),
        (
            put("stages", 0, value={"name": "a", "weight": "1%", "bake": "5m", "warmup": "1m", "timeout": "6m"}),
            "stages[0].timeout",
            "6m is not longer than the warm-up, 1m and the bake, 5m",
        ),
        (
            put("checks", "m", value={**MEAN, "limit": 100}),
            "checks.m.limit",
            "100 does not lie between 0 and the ceiling",
        ),
        (put("checks", "m", value={**MEAN, "limit": -1}), "checks.m.limit", "-1 does not lie between"),
        (put("checks", "b", value={"sli": "burn_rate", "slo": "99%"}), "checks.b", "takes an error rate of 173%"),
        (
            put("checks", "b", value={"sli": "burn_rate", "slo": "99.9%", "window": "90s"}),
            "checks.b.window",
            "1m30s is not 12 times a whole number of panes of 1s: write for example 1m24s",
        ),
    ],
)
def test_what_could_never_come_true_is_a_fault(change: Change, path: str, message: str) -> None:
    """Conditions that nothing could ever meet are named, one fault each."""
    document = checkout()
    change(document)
    faults = faults_of(document)
    assert list(faults) == [path]
    assert message in faults[path]


def test_families_are_counted_once_and_only_those_that_roll_back_by_ratio() -> None:
    """Advisory, critical and holding checks, and limits, are no families that evidence could gather in."""
    document = checkout()
    document["rollback_on"] = {"failing": 2}
    document["checks"]["p95"]["ratio"] = 1.2
    assert faults_of(document) == {}
    for key, value in (("severity", "advisory"), ("severity", "critical"), ("on_fail", "hold"), ("family", "errors")):
        other = copy.deepcopy(document)
        other["checks"]["p95"][key] = value
        assert list(faults_of(other)) == ["rollback_on.failing"]


def test_a_mean_without_a_stage_at_all_traffic_may_have_any_limit() -> None:
    """The limit is compared with cut-off values only where no baseline is left."""
    document = checkout()
    del document["stages"][2]
    document["checks"]["m"] = {**MEAN, "limit": 500}
    assert faults_of(document) == {}


def test_examples_in_messages_are_written_as_in_a_file() -> None:
    """Lists and mappings are shown in the flow style of YAML."""
    document = checkout()
    del document["cohorts"], document["stages"]
    faults = faults_of(document)
    assert faults["cohorts"].endswith("`cohorts: {baseline: stable, candidate: canary}`")
    assert faults["stages"].endswith("`stages: [{name: canary, weight: 1%, bake: 5m}]`")
