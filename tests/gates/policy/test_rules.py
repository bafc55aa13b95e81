"""Rules between the fields of a policy."""

import copy

import pytest

from tests.gates.policy_documents import Change, checkout, faults_of, put


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        (put("rollback_on", value={"failing": 2}), "rollback_on.failing", "2 must be at most 1"),
        (put("rollback_on", value={"failing": 2}), "rollback_on.failing", "(errors); lower `failing`"),
        (
            put("stages", 0, value={"name": "a", "weight": "1%", "bake": "5m", "warmup": "1m", "timeout": "6m"}),
            "stages[0].timeout",
            "6m must be longer than the warm-up (1m) plus the bake (5m)",
        ),
        (put("stages", 2, "weight", value="1%"), "stages[2].weight", "1% must be larger than the 10% of the stage"),
        (put("pause", value={}), "pause", "is empty; write `remind_after`, or `deadline` and `then`"),
        (put("pause", value={"deadline": "24h"}), "pause.deadline", "needs `then`; write for example `then: rollback`"),
        (put("pause", value={"then": "resume"}), "pause.then", "needs `deadline`; write for example `deadline: 24h`"),
        (put("not_errors", value=["5xx"]), "not_errors", "of checks.errors (the default): 5xx is in both; remove it"),
        (put("not_errors", value=[503]), "not_errors", "of checks.errors (the default): 5xx includes 503"),
        (put("budget", value={"slo": "99%", "spend": "5%"}), "checks.budget", "the name is taken by the key `budget`"),
    ],
)
def test_what_could_never_come_true_is_a_fault(change: Change, path: str, message: str) -> None:
    """Conditions that nothing could ever meet are named, one fault each."""
    document = checkout()
    if path == "checks.budget":
        document["checks"]["budget"] = {"sli": "error_rate", "limit": "5%"}
    change(document)
    faults = faults_of(document)
    assert list(faults) == [path]
    assert message in faults[path]


def test_a_weight_is_held_against_the_largest_before() -> None:
    """The stage that is named is the one to exceed, wherever it is."""
    document = checkout()
    document["stages"][1]["weight"], document["stages"][2]["weight"] = "0.5%", "1%"
    faults = faults_of(document)
    assert faults["stages[1].weight"] == "0.5% must be larger than the 1% of the stage before"
    assert faults["stages[2].weight"] == "1% must be larger than the 1% of stages[0]"


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


def test_windows_are_whole_numbers_of_panes_even_by_default() -> None:
    """A pane that does not divide a window is a fault at the window, and a default is marked as one."""
    document = checkout()
    document["pane"] = "7s"
    del document["checks"]["p95"]["window"]
    faults = faults_of(document)
    assert faults["checks.errors.window"].startswith("30s must be a whole number of panes of 7s; write for example 28s")
    assert faults["checks.p95.window"].startswith("1m (the default) must be a whole number of panes of 7s")


def test_without_a_stage_at_all_traffic_a_ratio_is_enough() -> None:
    """The limit beside a ratio is needed only where no baseline is left."""
    document = checkout()
    del document["stages"][2], document["checks"]["errors"]["limit"]
    assert faults_of(document) == {}


def test_checks_that_only_observe_are_a_fault() -> None:
    """A policy whose checks are all advisory could never fail."""
    document = checkout()
    for check in document["checks"].values():
        check["severity"] = "advisory"
    assert "can never fail: all are advisory or dry_run" in faults_of(document)["checks"]
