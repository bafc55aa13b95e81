"""A decision explained, line by line."""

from collections.abc import Mapping
from typing import Any

import pytest

from streams.views.why import decision_lines, unknown_decision
from tests.streams.views import stories
from tools.topics_page import examples

Document = Mapping[str, Any]

COMPARED = {"e_value": 0.94, "threshold": 100, "advance_e_value": 3.2, "advance_threshold": 20}


@pytest.fixture
def decision() -> dict[str, Any]:
    """A rollback."""
    return dict(examples.decision())


def test_a_rollback_in_plain_words_then_the_evidence(decision: dict[str, Any]) -> None:
    """The whole text of a rollback by a limit."""
    reason = decision["reason"]
    candidate, baseline = (decision["checks"][0][role] for role in ("candidate", "baseline"))
    assert decision_lines(decision) == [
        "checkout-v2 was rolled back at stage canary at 2026-01-01 00:00:07Z.",
        f"Reason: {reason}.",
        "Decided by: the gate (no operator).",
        "Ordered weights: stable 100%, canary 0%.",
        "Needs a person: no.",
        "",
        "errors: FAIL",
        f"  reason     {reason}",
        "  window     2025-12-31 23:59:57Z to 2026-01-01 00:00:07Z",
        f"  candidate  canary 27.9% ({candidate['errors']} of {candidate['requests']} requests)",
        f"  baseline   stable 0.48% ({baseline['errors']} of {baseline['requests']:,} requests)",
        "",
        "error bounds false rollback: at most 1% of rollouts; false advance: at most 5% of stages, per comparison",
        "telemetry    100% complete",
        "decision     checkout-v2:1:2 (epoch 1)",
        "journal      partition 0, offset 21",
        f"policy       {decision['policy_hash']}",
        "contact      payments",
    ]


def test_an_order_says_who(decision: dict[str, Any]) -> None:
    """A person's order names the person; a page for a person has the contact's runbook and labels."""
    contact = {"owner": "payments", "runbook": "https://wiki.example/x", "labels": {"tier": "1"}}
    lines = decision_lines(
        decision | {"action": "pause", "by": "ann", "escalate": True, "checks": [], "contact": contact}
    )
    assert lines[0].startswith("checkout-v2 was paused at stage canary at ")
    assert lines[2:5] == [
        "Decided by: operator ann.",
        "Ordered weights: stable 100%, canary 0%.",
        "Needs a person: yes.",
    ]
    assert "No check had a verdict yet." in lines
    assert lines[-1] == "contact      payments, https://wiki.example/x, tier=1"
    del decision["contact"]
    assert decision_lines(decision)[-1] == "contact      none"


def test_e_values_stand_against_their_thresholds(decision: dict[str, Any]) -> None:
    """A comparing check shows both e-values, a latency check its latencies, one without data that it has none."""
    compared = decision["checks"][0] | COMPARED | {"e_value": 312.04}
    slow = compared | {
        "unit": "ms",
        "name": "p95",
        "candidate": {"requests": 2024, "value": 812.4},
        "baseline": {"requests": 0, "value": None},
    }
    lines = decision_lines(decision | {"checks": [compared, slow]})
    assert "  e-value    312, rolls back at 100" in lines
    assert "  e-value    3.2, needs 20 to advance" in lines
    assert "  candidate  canary 812 ms (2,024 requests)" in lines
    assert "  baseline   stable: no value (0 requests)" in lines


@pytest.mark.parametrize("action", ["start", "advance", "hold", "pause", "resume", "rollback", "promote", "amend"])
def test_every_action_has_its_words(decision: dict[str, Any], action: str) -> None:
    """Each action is a sentence; one of a later version is at least named."""
    first = decision_lines(decision | {"action": action})[0]
    assert first.startswith("checkout-v2 ")
    assert " stage canary at 2026-01-01 00:00:07Z." in first
    assert "{" not in first


def test_an_unknown_decision_names_near_ones() -> None:
    """One line: the rollout's ids that are like it, or rollouts where there is none of it."""
    ids = [f"checkout-v2:1:{sequence}" for sequence in range(1, 13)]
    lines = unknown_decision("checkout-v2:2:12", ids, ["checkout-v2"])
    assert lines.startswith("no decision checkout-v2:2:12; similar: checkout-v2:1:12, ")
    assert unknown_decision("checkout-v2", [], ["checkout-v2"]) == "no decision checkout-v2; rollouts: checkout-v2"
    assert unknown_decision("x\x1b[2J\n:1:1", [], []) == "no decision x\ufffd[2J\ufffd:1:1; rollouts: none"


def test_intervals_are_in_words(decision: dict[str, Any]) -> None:
    """The ratio is for information; an upper end that is unknown, and what is assumed, are named."""
    check = decision["checks"][0] | {
        "ratio": {"lower": 0.935, "estimate": 6.78, "upper": 49.1},
        "quantile": {"canary": [82.0, None], "stable": [60.0, 64.5], "other": None},
    }
    lines = decision_lines(decision | {"checks": [check]})
    note = "95% confidence sequence: 0.94 to 49, if the ratio is constant and errors hang together for less than 30 s"
    assert f"  ratio      canary / stable = 6.8 ({note}; for information, not used in the verdict)" in lines
    covers = "95% at this look, for the requests of this window"
    alone = f"{covers}, if they are independent"
    assert f"  interval   canary at least 82 ms, upper end unknown ({alone})" in lines
    assert f"  interval   stable 60 ms to 64.5 ms ({alone})" in lines
    compared = decision_lines(decision | {"checks": [check | COMPARED]})
    assert f"  interval   stable 60 ms to 64.5 ms ({covers})" in compared


def test_combined_evidence_has_a_line(decision: dict[str, Any]) -> None:
    """With the e-value at which it rolls back."""
    lines = decision_lines(decision | {"combined": {"e_value": 37.5, "threshold": 100}})
    assert "combined     37.5, rolls back at 100" in lines


def test_text_from_topics_cannot_control_the_terminal(decision: dict[str, Any]) -> None:
    """Texts from outside are shown in printable characters only."""
    evil = "\x1b[2J"
    check = decision["checks"][0] | {"name": evil, "verdict": evil, "reason": evil} | COMPARED
    hostile = {"rollout": evil, "stage": evil, "reason": evil, "checks": [check]}
    cohorts = {"cohorts": {"candidate": evil, "baseline": evil}, "weights": {evil: 1}, "by": evil, "policy_hash": evil}
    lines = decision_lines(decision | hostile | cohorts | {"action": evil, "contact": {"owner": evil}})
    assert all(line.isprintable() for line in lines)


def test_whether_it_is_confirmed(decision: dict[str, Any]) -> None:
    """As of the newest status: of the newest order who confirmed it, or who did not; an older order was replaced."""
    status, decisions = stories.failed()
    assert (
        "Confirmation: not confirmed, try 2 of 3: "
        f"haproxy-eu failed: {stories.REFUSED}; haproxy-us failed: RuntimeError: haproxy did not reload."
    ) in decision_lines(decisions[-1], status)
    replaced = (
        "Confirmation: a newer order, checkout-v2:1:2, has replaced this one; the audit log has the acks of both."
    )
    assert replaced in decision_lines(decisions[0], status)
    assert "Confirmation: no order of weights yet." in decision_lines(decision, {"weights": {}, "order": None})
