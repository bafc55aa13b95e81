"""`why` and `why-not`: what they say of example documents, word by word."""

from collections.abc import Mapping
from typing import Any

import pytest

from streams.cli.why import decision_explained, near, unknown_decision
from streams.cli.why_not import STALE_MS, lacking, status_explained
from tools import topics_examples

Document = Mapping[str, Any]

COMPARED = {"e_value": 0.94, "threshold": 100, "advance_e_value": 3.2, "advance_threshold": 20}


@pytest.fixture
def decision() -> dict[str, Any]:
    """A rollback."""
    return dict(topics_examples.decision())


@pytest.fixture
def status() -> dict[str, Any]:
    """A status while the first stage bakes, too few requests seen."""
    return dict(topics_examples.status())


def passing(status: Document) -> dict[str, Any]:
    """Return the status with its bake done and its checks passed."""
    checks = [{**check, "verdict": "PASS"} for check in status["checks"]]
    return {**status, "baked_ms": status["bake_ms"], "checks": checks}


def lacks(status: Document) -> list[str]:
    """What it lacks as of its own time."""
    return list(lacking(status, status["event_time"]))


def test_a_rollback_in_plain_words_then_the_evidence(decision: dict[str, Any]) -> None:
    """The whole text of a rollback by a limit."""
    assert decision_explained(decision) == [
        "checkout-v2 was rolled back at stage canary at 2026-01-01 00:00:07Z.",
        "Why: errors: canary 27.9% (39 of 140) in 10s, over the limit of 5%.",
        "The gate decided it by itself.",
        "It wants these weights: stable 100 %, canary 0 %.",
        "",
        "errors: FAIL",
        "  because    errors: canary 27.9% (39 of 140) in 10s, over the limit of 5%",
        "  window     2025-12-31 23:59:57Z to 2026-01-01 00:00:07Z",
        "  candidate  canary 27.9% (39 of 140)",
        "  baseline   stable 0.48% (6 of 1,260)",
        "",
        "confidence   rolls back 1% of healthy rollouts at most, passes 5% of bad stages",
        "telemetry    100% of it judged in time",
        "decision     checkout-v2:1:2 (epoch 1)",
        "journal      partition 0, offset 21",
        f"policy       {decision['policy_hash']}",
        "contact      payments",
    ]


def test_an_order_says_who(decision: dict[str, Any]) -> None:
    """A person's order names the person; one that wants a person says so; the contact has runbook and labels."""
    contact = {"owner": "payments", "runbook": "https://wiki.example/x", "labels": {"tier": "1"}}
    said = decision_explained(
        decision | {"action": "pause", "by": "ann", "escalate": True, "checks": [], "contact": contact}
    )
    assert said[0].startswith("checkout-v2 was paused at stage canary at ")
    assert said[2:5] == [
        "ann ordered it.",
        "It wants these weights: stable 100 %, canary 0 %.",
        "A person is needed.",
    ]
    assert "No check had been judged by then." in said
    assert said[-1] == "contact      payments, https://wiki.example/x, tier=1"
    del decision["contact"]
    assert decision_explained(decision)[-1] == "contact      none given"


def test_e_values_stand_against_their_thresholds(decision: dict[str, Any]) -> None:
    """A comparing check shows both e-values, a latency check its latencies, one without data that it has none."""
    compared = decision["checks"][0] | COMPARED | {"e_value": 312.04}
    slow = compared | {
        "unit": "ms",
        "name": "p95",
        "candidate": {"requests": 2024, "value": 812.4},
        "baseline": {"requests": 0, "value": None},
    }
    said = decision_explained(decision | {"checks": [compared, slow]})
    assert "  e-value    312, of 100 to roll back" in said
    assert "  e-value    3.2, of 20 to advance" in said
    assert "  candidate  canary 812 ms over 2,024" in said
    assert "  baseline   stable without a figure (0 requests)" in said


@pytest.mark.parametrize("action", ["start", "advance", "hold", "pause", "resume", "rollback", "promote", "amend"])
def test_every_action_has_its_words(decision: dict[str, Any], action: str) -> None:
    """Each action is a sentence; one of a later version is at least named."""
    first = decision_explained(decision | {"action": action})[0]
    assert first.startswith("checkout-v2 ")
    assert " stage canary at 2026-01-01 00:00:07Z." in first
    assert "{" not in first


def test_an_unknown_decision_names_near_ones() -> None:
    """One line: the rollout's ids that are like it, or rollouts where there is none of it."""
    ids = [f"checkout-v2:1:{sequence}" for sequence in range(1, 13)]
    said = unknown_decision("checkout-v2:2:12", ids, ["checkout-v2"])
    assert said.startswith("no decision checkout-v2:2:12; near: checkout-v2:1:12, ")
    assert unknown_decision("checkout-v2", [], ["checkout-v2"]) == "no decision checkout-v2; rollouts: checkout-v2"
    assert unknown_decision("x\x1b[2J\n:1:1", [], []) == "no decision x\ufffd[2J\ufffd:1:1; rollouts: none"
    assert near("serch", ["cart", "search"]) == "search"


def test_what_a_baking_rollout_lacks(status: dict[str, Any]) -> None:
    """The whole text: where it stands, what is missing in numbers, the evidence of what does not pass."""
    assert status_explained(status, status["event_time"] + 3_000) == [
        "checkout-v2 is baking at stage 1 of 2 (canary), baked 1s of 1m, judged until 2026-01-01 00:00:01Z.",
        "Last decision: checkout-v2:1:1, because replay started checkout-v2 at stage canary.",
        "",
        "To advance to stage full it lacks:",
        "- 59s of bake: 1s of 1m done",
        "- a PASS of errors, which is INCONCLUSIVE: canary has 20 of 50 requests needed",
        "",
        "errors: INCONCLUSIVE",
        "  because    errors: canary has 20 of 50 requests needed",
        "  window     2025-12-31 23:59:51Z to 2026-01-01 00:00:01Z",
        "  candidate  canary 0% (0 of 20)",
        "  baseline   stable 0.56% (1 of 180)",
    ]


def test_nothing_is_lacking(status: dict[str, Any]) -> None:
    """Baked, passed, confirmed, heard: that is said, for the next stage and for the end."""
    done = passing(status)
    assert lacks(done) == []
    said = status_explained(done, done["event_time"])
    assert said[-1] == "It lacks nothing: the next pane that is judged lets it advance to stage full."
    last = status_explained(done | {"stage_index": 1, "stage": "full"}, done["event_time"])
    assert last[-1] == "It lacks nothing: the next pane that is judged lets it be promoted."


def test_the_evidence_so_far(status: dict[str, Any]) -> None:
    """A check short of evidence says how far it has come, once, and by what factor it is short."""
    done = passing(status)
    check = done["checks"][0] | COMPARED | {"verdict": "INCONCLUSIVE"}
    thin = check | {"reason": "errors: canary has 20 of 50 requests needed"}
    assert lacks(done | {"checks": [thin]}) == [
        "a PASS of errors, which is INCONCLUSIVE: canary has 20 of 50 requests needed; "
        "e-value so far 3.2 of 20, a factor of 6.2 short"
    ]
    unproven = check | {"reason": "errors: not yet shown to be good enough: e-value 3.2 of 20"}
    assert lacks(done | {"checks": [unproven]}) == [
        "a PASS of errors, which is INCONCLUSIVE: not yet shown to be good enough: e-value 3.2 of 20, "
        "a factor of 6.2 short"
    ]
    proven = thin | {"advance_e_value": 25}
    assert lacks(done | {"checks": [proven]})[0].endswith("canary has 20 of 50 requests needed")


def test_unconfirmed_weights(status: dict[str, Any]) -> None:
    """Nobody said that the weights are in force."""
    assert lacks(passing(status) | {"confirmed": False}) == [
        "an actuator's word that the weights are in force: stable 90 %, canary 10 %"
    ]


def test_silent_cohorts(status: dict[str, Any]) -> None:
    """A cohort without requests is named; the baseline may be silent once it has no traffic any more."""
    done = passing(status)
    slis = {name: {**figures, "requests": 0} for name, figures in done["slis"].items()}
    assert lacks(done | {"slis": slis}) == [
        "requests of canary: there were none in the last 10s",
        "requests of stable: there were none in the last 10s",
    ]
    assert lacks(done | {"slis": slis, "stage_index": 1, "stage": "full"}) == [
        "requests of canary: there were none in the last 10s"
    ]


def test_a_hold(status: dict[str, Any]) -> None:
    """The cause of a hold is told, but not twice where it is only the checks."""
    held = passing(status) | {"phase": "held", "reason": "no requests from canary for 30s"}
    assert lacks(held) == ["an end of the hold: no requests from canary for 30s"]
    incomplete = held | {"reason": "canary baked 1m, but telemetry is incomplete: 98% of the stage judged in time"}
    assert len(lacks(incomplete)) == 1
    undecided = held | {"reason": "canary baked 1m, but errors: ...", "checks": status["checks"]}
    assert lacks(undecided) == ["a PASS of errors, which is INCONCLUSIVE: canary has 20 of 50 requests needed"]


def test_a_pause_waits_for_a_person(status: dict[str, Any]) -> None:
    """What a paused rollout lacks first is somebody's word, and how to give it."""
    paused = passing(status) | {"phase": "paused", "reason": "ann ordered pause: a look at the logs"}
    assert lacks(paused) == [
        "an operator's word: it is paused (ann ordered pause: a look at the logs); "
        "`sluicegate rollout resume checkout-v2` lets it go on"
    ]


def test_before_the_first_pane(status: dict[str, Any]) -> None:
    """Without a verdict nothing can pass."""
    assert "verdicts: no pane of this stage has been judged yet" in lacks(status | {"checks": [], "decision": None})
    said = status_explained(status | {"checks": [], "decision": None}, status["event_time"])
    assert not any(line.startswith("Last decision") for line in said)


def test_a_gate_that_has_stopped(status: dict[str, Any]) -> None:
    """Where nothing was judged for a minute, the gate itself is what lacks."""
    done = passing(status)
    assert list(lacking(done, done["event_time"] + STALE_MS - 1)) == []
    stale = list(lacking(done, done["event_time"] + 241_000))
    assert stale == [
        "a gate at work: nothing has been judged for 4m1s; is a worker running, is its telemetry arriving?"
    ]


@pytest.mark.parametrize(
    ("phase", "words"), [("promoted", "nothing to advance to"), ("rolled_back", "does not advance any more")]
)
def test_an_ended_rollout(status: dict[str, Any], phase: str, words: str) -> None:
    """One that ended lacks nothing and will never advance: it says which end, and by which decision."""
    ended = status | {"phase": phase}
    first, second = status_explained(ended, ended["event_time"] + 10 * STALE_MS)
    assert first.startswith(f"checkout-v2 is {phase.replace('_', ' ')}: ")
    assert words in first
    assert second.startswith("Last decision: checkout-v2:1:1, ")
    assert lacks(ended) == []


def test_text_from_topics_cannot_steer_the_terminal(decision: dict[str, Any], status: dict[str, Any]) -> None:
    """Whatever others wrote, only printable characters come out."""
    evil = "\x1b[2J"
    check = decision["checks"][0] | {"name": evil, "verdict": evil, "reason": evil} | COMPARED
    hostile = {"rollout": evil, "stage": evil, "reason": evil, "checks": [check], "cohorts": decision["cohorts"]}
    cohorts = {"cohorts": {"candidate": evil, "baseline": evil}, "weights": {evil: 1}, "by": evil, "policy_hash": evil}
    explained = decision_explained(decision | hostile | cohorts | {"action": evil, "contact": {"owner": evil}})
    told = status_explained(status | hostile | {"phase": "paused", "decision": evil}, status["event_time"])
    assert all(line.isprintable() for line in [*explained, *told])
