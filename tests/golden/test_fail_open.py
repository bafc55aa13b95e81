"""What gates of this kind are known to get wrong, each with the stories that prove that this one does not.

The mistakes are those of the field: an analysis that never measured counted as a success, missing data taken for
perfect or for failing, failures added up over hours, NaN compared and found not greater, a timer that masks a failing
metric, a fixed-horizon test looked at every second. A row names the mistake and its stories; the tests below assert on
their decisions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from gates.policy import Policy, PolicyError
from tests.golden.test_golden import PLOTS, read

HERE = Path(__file__).parent
Decision = Mapping[str, Any]
RAISING = ("advance", "promote")

MISTAKES = {
    "never measured is a success": ("never-a-request", "no-data", "thin-traffic"),
    "missing data is perfect, or a failure": ("metrics-outage", "outage-while-baking", "held-then-failing"),
    "an outage of telemetry rolls back": ("metrics-outage", "outage-while-baking", "no-data", "late-data", "lost-ack"),
    "what was not seen is no failure": ("late-candidate", "unreadable-failures", "clock-ahead", "crowded-cohorts"),
    "failures add up over the rollout": ("blips",),
    "a value that is no number is compared": ("nan-events",),
    "a timer or a hold masks a failing check": ("held-then-failing", "mismatch-and-failing", "shared-cause"),
    "a broken split is judged, or rolled back": ("sample-ratio-mismatch", "contamination", "unknown-cohorts"),
    "the baseline's trouble is attributed to the candidate": ("shared-cause", "baseline-burning"),
    "looking every second finds something in the end": ("long-and-healthy", "blips", "healthy-to-promote"),
    "an observer rolls back": ("advisory-and-dry-run", "on-fail-pause", "on-fail-hold"),
    "full traffic is left unwatched": ("full-stage",),
    "a person's approval overrides a failure": ("approval-before-failing", "approval"),
    "a cold start is a failure": ("warm-up",),
    "a pause is blind, or forgotten": ("paused-then-graver", "pause-reminders", "pause-resumes"),
    "a rollback makes an outage": ("baseline-gone",),
    "nobody can see why it decided": tuple(PLOTS),
}


def decisions_of(story: str) -> list[Decision]:
    """Return the story's decisions."""
    return [json.loads(line) for line in (HERE / story / "expected.ndjson").read_bytes().splitlines()]


def actions(story: str) -> list[str]:
    """Return what was decided, in order."""
    return [decision["action"] for decision in decisions_of(story)]


def at(decision: Decision, story: str) -> float:
    """Seconds since the story's first event."""
    return float(decision["event_time"] - read(HERE / story / "events.json", None)["start"]) / 1_000


def the(action: str, story: str) -> Decision:
    """Return the only decision of its kind in the story."""
    (found,) = [decision for decision in decisions_of(story) if decision["action"] == action]
    return found


def the_first(action: str, story: str) -> Decision:
    """Return the first decision of its kind in the story."""
    return next(decision for decision in decisions_of(story) if decision["action"] == action)


def checks(decision: Decision) -> dict[str, Mapping[str, Any]]:
    """Return the decision's verdicts by name."""
    return {check["name"]: check for check in decision["checks"]}


def test_every_mistake_has_its_stories() -> None:
    """The table names stories that there are."""
    assert {story for stories in MISTAKES.values() for story in stories} <= set(PLOTS)


@pytest.mark.parametrize("story", MISTAKES["never measured is a success"])
def test_never_measured_is_no_success(story: str) -> None:
    """Without the candidate's data nothing advances, however long the story; a person is called in the end."""
    assert not set(actions(story)) & set(RAISING)
    assert not set(actions(story)) & {"rollback"}
    if story != "thin-traffic":
        assert decisions_of(story)[-1]["escalate"]
        assert "NO_DATA" in {check["verdict"] for check in decisions_of(story)[-1]["checks"]}


@pytest.mark.parametrize(
    "checks",
    [
        {},
        {"e": {"sli": "error_rate"}},
        {"e": {"sli": "error_rate", "limit": "5%", "severity": "advisory"}},
        {
            "e": {"sli": "error_rate", "limit": "5%", "severity": "dry_run"},
            "l": {"sli": "latency", "quantile": 0.9, "limit": "1s", "severity": "advisory"},
        },
    ],
    ids=["none", "no rule", "advisory", "all quiet"],
)
def test_nothing_to_judge_by_is_a_policy_error(checks: dict[str, object]) -> None:
    """No check, one without a rule, or none that could fail: the policy is refused."""
    document = {
        "schema": "sluicegate.policy/v1",
        "rollout": "r",
        "cohorts": {"baseline": "stable", "candidate": "canary"},
        "stages": [{"name": "all", "weight": "10%", "bake": "1m"}],
        "checks": checks,
    }
    with pytest.raises(PolicyError, match="checks"):
        Policy.parse(document)


@pytest.mark.parametrize("story", MISTAKES["an outage of telemetry rolls back"])
def test_an_outage_rolls_nothing_back(story: str) -> None:
    """Without metrics, with a silent cohort, late events or lost acks, the rollout is held at worst, with a reason."""
    assert "rollback" not in actions(story)
    assert {"hold", "pause"} & set(actions(story))


@pytest.mark.parametrize("story", MISTAKES["what was not seen is no failure"])
def test_what_was_not_seen_is_no_success(story: str) -> None:
    """Where a cohort's events are late, unreadable, refused or at a wrong time, the reason counts them."""
    assert not set(actions(story)) & set(RAISING)
    assert "canary's telemetry is" in the_first("hold", story)["reason"]
    assert "events of stage" in the_first("hold", story)["reason"]


@pytest.mark.parametrize("story", ["metrics-outage", "outage-while-baking"])
def test_missing_data_is_waited_for(story: str) -> None:
    """A healthy release is held, goes on by itself, and is promoted; the silence did not count as baked."""
    found = decisions_of(story)
    hold, resume = the("hold", story), the("resume", story)
    assert "had no requests" in hold["reason"]
    assert "by" not in resume
    assert found[-1]["action"] == "promote"
    bakes = sum(stage.bake_ms for stage in policy(story).stages) / 1_000
    assert at(found[-1], story) >= bakes + at(resume, story) - at(hold, story)


def policy(story: str) -> Policy:
    """Return the story's policy."""
    return Policy.parse(yaml.safe_load((HERE / story / "policy.yaml").read_text(encoding="utf-8")))


def test_failures_do_not_add_up() -> None:
    """Six blips of two seconds in four minutes, none of which means anything: promoted."""
    assert actions("blips")[-1] == "promote"
    assert "rollback" not in actions("blips")
    last = checks(decisions_of("blips")[-1])["errors"]
    rate = {arm: last[arm]["errors"] / last[arm]["requests"] for arm in ("candidate", "baseline")}
    assert rate["candidate"] > 1.2 * rate["baseline"]  # there were failures


def test_what_is_no_number_never_reaches_a_verdict() -> None:
    """A tenth of the events with NaN, infinite or negative latencies: refused, and all figures are finite."""
    promoted = the("promote", "nan-events")
    requests = checks(promoted)["errors"]["candidate"]["requests"]
    plain = checks(the("promote", "healthy-to-promote"))
    assert requests > 0
    assert checks(promoted).keys() == plain.keys()
    for line in (HERE / "nan-events" / "expected.ndjson").read_bytes().splitlines():
        assert b"NaN" not in line
        assert b"Infinity" not in line
    judged = sum(checks(promoted)["errors"][arm]["requests"] for arm in ("candidate", "baseline"))
    sent = (at(promoted, "nan-events") - at(the("advance", "nan-events"), "nan-events")) * 200
    assert 0.85 * sent < judged < 0.95 * sent


def test_a_hold_does_not_mask_a_failing_check() -> None:
    """Held for a silent baseline, or for a broken split, or paused: the failing check still rolls back, in seconds."""
    for story, since in (("held-then-failing", 45), ("mismatch-and-failing", 40)):
        assert actions(story)[-2:] == ["hold", "rollback"]
        assert 0 < at(the("rollback", story), story) - since <= 10
    assert actions("shared-cause")[-1] == "rollback"


@pytest.mark.parametrize("story", MISTAKES["a broken split is judged, or rolled back"])
def test_a_broken_split_holds_and_pages(story: str) -> None:
    """A doubt about the split neither advances nor rolls back: it holds, gives its reason, and pages."""
    last = decisions_of(story)[-1]
    assert last["action"] == "hold"
    assert last["escalate"]
    assert "; check " in last["reason"]
    assert not set(actions(story)) & {"rollback", *RAISING}


def test_a_mismatch_is_never_the_reason_of_a_rollback() -> None:
    """Where both come together, what rolls back is the failing check, by its own evidence."""
    rollback = the("rollback", "mismatch-and-failing")
    assert rollback["reason"].startswith("errors: ")
    assert checks(rollback)["errors"]["verdict"] == "FAIL"
    assert "split" not in rollback["reason"]


def test_a_shared_cause_pauses_and_the_candidates_own_rolls_back() -> None:
    """Both cohorts break the limit: paused, with a page. Later the candidate alone does: rolled back."""
    pause, rollback = the("pause", "shared-cause"), the("rollback", "shared-cause")
    assert pause["escalate"]
    assert "the cause is likely shared" in pause["reason"]
    assert checks(pause)["errors"]["baseline_beyond"]
    assert "baseline_beyond" not in checks(rollback)["errors"]


def test_a_burning_baseline_holds_and_resumes() -> None:
    """Only the baseline burns: held with a page, gone on by itself, promoted once there is enough evidence."""
    burning, waiting = (each for each in decisions_of("baseline-burning") if each["action"] == "hold")
    assert burning["escalate"]
    assert not waiting["escalate"]
    assert actions("baseline-burning") == ["start", "hold", "resume", "hold", "promote"]


@pytest.mark.parametrize("story", MISTAKES["looking every second finds something in the end"])
def test_a_healthy_rollout_is_not_worn_down(story: str) -> None:
    """However many looks, a release that is no worse stays and is promoted."""
    assert "rollback" not in actions(story)
    assert actions(story)[-1] == "promote"


def test_observers_only_observe() -> None:
    """An advisory and a dry-run check FAIL, and the rollout is promoted; pause and hold do what their names mean."""
    found = checks(the("promote", "advisory-and-dry-run"))
    assert (found["cost"]["verdict"], found["cost"]["severity"]) == ("FAIL", "advisory")
    assert (found["p50"]["verdict"], found["p50"]["severity"]) == ("FAIL", "dry_run")
    for story, action in (("on-fail-pause", "pause"), ("on-fail-hold", "hold")):
        decision = the(action, story)
        assert decision["escalate"]
        assert checks(decision)["p95"]["verdict"] == "FAIL"
        assert "rollback" not in actions(story)


def test_the_last_stage_is_watched() -> None:
    """At 100 % there is no baseline, and the candidate is held to the limit: it gets worse, and is rolled back."""
    rollback = the("rollback", "full-stage")
    assert rollback["stage"] == "full"
    assert checks(rollback)["errors"]["e_value"] >= 100
    assert checks(rollback)["errors"]["baseline"]["requests"] == 0


def test_approval_is_needed_and_no_shield() -> None:
    """A passed stage waits for a person, whose name is on the advance; an approval does not prevent a rollback."""
    held, advance = decisions_of("approval")[-3], the("advance", "approval")
    assert "needs approval" in held["reason"]
    assert advance["approved_by"] == "grace"
    assert advance["reason"].count("approved by grace") == 1
    assert [decision["action"] for decision in decisions_of("approval") if "approved_by" in decision] == ["advance"]
    rollback = the("rollback", "approval-before-failing")
    assert "approved_by" not in rollback


def test_cold_caches_are_tolerated_within_the_warm_up_only() -> None:
    """Slow and erring for the first seconds of each stage: promoted, and no stage was left before warm-up and bake."""
    found = [decision for decision in decisions_of("warm-up") if decision["action"] != "hold"]
    for stage, before, after in zip(policy("warm-up").stages, found, found[1:], strict=False):
        assert after["event_time"] - before["event_time"] >= stage.bake_ms + (stage.warmup_ms or 0)
    assert found[-1]["action"] == "promote"


@pytest.mark.parametrize("story", MISTAKES["a pause is blind, or forgotten"])
def test_a_pause_is_watched_and_repeated(story: str) -> None:
    """An operator pauses without a page; whatever follows in the pause pages, and no reason is repeated as news."""
    first, *later = [decision for decision in decisions_of(story) if decision["action"] == "pause"]
    assert (first["by"], first["escalate"]) == ("ada", False)
    assert all(decision["escalate"] for decision in later)
    assert len({decision["reason"] for decision in later}) == len(later) >= 2


def test_a_failing_candidate_is_rolled_back_once_the_baseline_is_back() -> None:
    """While nothing serves the baseline it is paused with a page; with its first successes it is rolled back."""
    pause, rollback = the("pause", "baseline-gone"), the("rollback", "baseline-gone")
    assert pause["escalate"]
    assert "not rolled back, because stable has had no successful request for" in pause["reason"]
    assert at(rollback, "baseline-gone") == 46  # the baseline is back at 45


def test_two_families_are_two() -> None:
    """With `failing: 2`, latency alone that is surely worse only keeps the rollout where it is."""
    hold, rollback = decisions_of("two-of-families")[1:]
    assert checks(hold)["slower"]["e_value"] > 1e6
    assert (hold["action"], checks(hold)["slower"]["verdict"]) == ("hold", "INCONCLUSIVE")
    fails = {name for name, check in checks(rollback).items() if check["verdict"] == "FAIL"}
    assert (rollback["action"], fails) == ("rollback", {"errors", "slower"})


def test_the_reason_names_a_changed_policy() -> None:
    """A start with another policy in the middle of a rollout is a new epoch, and the reason names it."""
    first, _, second, *_ = decisions_of("policy-changed")
    assert (first["epoch"], second["epoch"]) == (1, 2)
    assert (
        "epoch 2 of checkout-v2 with a new policy, at stage tenth (reason: more evidence is wanted)" in second["reason"]
    )
    assert first["policy_hash"] != second["policy_hash"]
    assert second["weights"] == first["weights"]
    again = decisions_of("restart-after-rollback")[2]
    assert again["epoch"] == 2
    assert "replaces" not in again["reason"]


BLAMED = {
    "success-rate": "orders",
    "metric-mean": "cost",
    "metric-quantile": "score",
    "queue-worker": "lag",
    "budget-spent": "budget",
    "burn-rate": "burn",
}


@pytest.mark.parametrize("story", BLAMED)
def test_the_check_that_failed_is_named(story: str) -> None:
    """What rolls back is the one figure that got worse, and the reason begins with its name."""
    rollback = the("rollback", story)
    fails = {name for name, check in checks(rollback).items() if check["verdict"] == "FAIL"}
    assert fails == {BLAMED[story]}
    assert rollback["reason"].startswith(f"{BLAMED[story]}: ")


@pytest.mark.parametrize("story", MISTAKES["nobody can see why it decided"])
def test_every_decision_gives_its_reason_and_evidence(story: str) -> None:
    """Reason, error probabilities, and each check with its own reason; the joint test where any check compares."""
    comparing = any(check.comparing and check.rolls_back for check in policy(story).checks.values())
    for decision in decisions_of(story):
        assert decision["reason"].strip()
        assert decision["confidence"].keys() == {"rollback", "advance"}
        assert 0.0 <= decision["completeness"] <= 1.0
        for check in decision["checks"]:
            assert check["reason"].startswith(f"{check['name']}: ")
            assert check["verdict"] in ("PASS", "FAIL", "INCONCLUSIVE", "NO_DATA", "ERROR")
        if decision["checks"]:
            assert comparing == ("combined" in decision)
        if decision["action"] in RAISING and "by" not in decision:
            required = [check for check in decision["checks"] if check["severity"] in ("critical", "standard")]
            assert {check["verdict"] for check in required} == {"PASS"}
        if decision["action"] == "rollback" and "by" not in decision and "pause.deadline" not in decision["reason"]:
            rolling = [check for check in decision["checks"] if check["on_fail"] == "rollback"]
            assert "FAIL" in {check["verdict"] for check in rolling}
