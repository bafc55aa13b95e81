"""What a rollout still needs to advance, line by line."""

from collections.abc import Mapping
from typing import Any

import pytest

from streams.views.why_not import missing_conditions, status_lines
from streams.views.wording import AHEAD_MS, stale_after
from tests.streams.views import stories
from tools.topics_page import examples

Document = Mapping[str, Any]

MORE = "; about 15s more at the present traffic"
"""Thirty requests of two a second."""

COMPARED = {"e_value": 0.94, "threshold": 100, "advance_e_value": 3.2, "advance_threshold": 20}


@pytest.fixture
def status() -> dict[str, Any]:
    """Return a status while the first stage bakes, with too few requests."""
    return dict(examples.status())


def passing(status: Document) -> dict[str, Any]:
    """Return the status with its bake done and its checks passed."""
    checks = [{**check, "verdict": "PASS"} for check in status["checks"]]
    return {**status, "baked_ms": status["bake_ms"], "checks": checks}


def missing(status: Document) -> list[str]:
    """Return what is missing as of the status's own time."""
    return list(missing_conditions(status, status["event_time"]))


def reason(status: Document) -> str:
    """Return the reason of the first check, without its name."""
    return str(status["checks"][0]["reason"]).removeprefix("errors: ")


def test_a_baking_rollout(status: dict[str, Any]) -> None:
    """The whole text: the stage, what is missing in numbers, the evidence of what does not pass."""
    lines = status_lines(status, status["event_time"] + 3_000)
    assert lines[:10] == [
        "checkout-v2 is baking at stage 1 of 2 (canary), baked 1s of 1m, judged until 2026-01-01 00:00:01Z.",
        f"Last decision: checkout-v2:1:1: {status['reason']}.",
        "",
        "To advance to stage full it still needs:",
        "- 59s more of bake (1s of 1m done)",
        f"- errors must pass (now INCONCLUSIVE): {reason(status)}{MORE}",
        "",
        "errors: INCONCLUSIVE",
        f"  reason     errors: {reason(status)}",
        "  window     2025-12-31 23:59:51Z to 2026-01-01 00:00:01Z",
    ]
    assert lines[10:] == [
        "  candidate  canary 0% (0 of 20 requests)",
        "  baseline   stable 0.56% (1 of 180 requests)",
    ]


def test_nothing_is_missing(status: dict[str, Any]) -> None:
    """Baked, passed, confirmed: that is the message, for the next stage and for the end."""
    done = passing(status)
    assert missing(done) == []
    assert status_lines(done, done["event_time"])[-1] == (
        "Nothing is missing: at the next judged pane it can advance to stage full."
    )
    last = status_lines(done | {"stage_index": 1, "stage": "full"}, done["event_time"])
    assert last[-1] == "Nothing is missing: at the next judged pane it can be promoted."


def test_the_evidence_so_far(status: dict[str, Any]) -> None:
    """A check without enough evidence has its e-value once, in the reason or after it."""
    done = passing(status)
    check = done["checks"][0] | COMPARED | {"verdict": "INCONCLUSIVE"}
    thin = check | {"reason": "errors: canary has 20 requests, needs 50"}
    assert missing(done | {"checks": [thin]}) == [
        f"errors must pass (now INCONCLUSIVE): canary has 20 requests, needs 50; e-value 3.2, needs 20{MORE}"
    ]
    unproven = check | {"reason": "errors: canary 1% (1 of 100), e-value 3.2, needs 20"}
    assert missing(done | {"checks": [unproven]}) == [
        f"errors must pass (now INCONCLUSIVE): canary 1% (1 of 100), e-value 3.2, needs 20{MORE}"
    ]
    proven = thin | {"advance_e_value": 25}
    assert missing(done | {"checks": [proven]})[0].endswith(f"canary has 20 requests, needs 50{MORE}")


def test_unconfirmed_weights(status: dict[str, Any]) -> None:
    """The order, its weights and its try; who confirmed it, who failed, who has not; and no line for the hold."""
    order = stories.half_confirmed()[0]["order"]
    line = (
        "confirmation of order checkout-v2:1:1 (stable 90%, canary 10%), try 3 of 3: confirmed by haproxy-eu only; "
        f"haproxy-us failed: {stories.REFUSED}"
    )
    assert missing(passing(status) | {"order": order}) == [line]
    held = passing(stories.overdue()[0])
    assert held["cause"] == "unconfirmed"
    truncated = "the journal is truncated"  # no decision's reason, and graver than what the hold was for
    assert f"the end of the hold: {truncated}" in missing(held | {"decision": None, "reason": truncated})
    assert missing(held) == [
        "confirmation of order checkout-v2:1:1 (stable 90%, canary 10%), 3 tries used up: "
        "confirmed by haproxy-eu only; haproxy-us has not reported"
    ]
    nobody = {**order, "reports": [], "confirmed_by": [], "waiting_for": []}
    assert missing(passing(status) | {"order": nobody})[0].endswith("try 3 of 3: no actuator has reported")


def test_an_end_that_is_not_confirmed() -> None:
    """It is not shown as done: what it lacks, and that the actual weights are unknown."""
    status, _ = stories.failed()
    lines = status_lines(status, status["event_time"])
    assert lines[0].startswith(
        "checkout-v2 is rolled back, but lacks confirmation of order checkout-v2:1:2 (stable 100%, canary 0%), "
        f"try 2 of 3: haproxy-eu failed: {stories.REFUSED}; haproxy-us failed: "
    )
    assert lines[1] == "Actual weights are unknown: check the actuators and the router."
    assert len(missing(status)) == 1
    earlier = {name: value for name, value in status.items() if name != "order"}
    assert "the status was written by an earlier version" in status_lines(earlier, status["event_time"])[0]


def test_silent_cohorts(status: dict[str, Any]) -> None:
    """A cohort without requests is named; the baseline may be silent once it has no traffic."""
    done = passing(status)
    slis = {name: {**figures, "requests": 0} for name, figures in done["slis"].items()}
    assert missing(done | {"slis": slis}) == [
        "requests of canary: none in the last 10s",
        "requests of stable: none in the last 10s",
    ]
    assert missing(done | {"slis": slis, "stage_index": 1, "stage": "full"}) == [
        "requests of canary: none in the last 10s"
    ]


@pytest.mark.parametrize("baked", ["canary baked 1m, but", "stage canary has baked 1m and waits for more evidence:"])
def test_a_hold(status: dict[str, Any], baked: str) -> None:
    """The reason of a hold is listed, but not twice if it is only that checks do not pass."""
    held = passing(status) | {"phase": "held", "reason": "canary has had no requests for 30s"}
    assert missing(held) == ["the end of the hold: canary has had no requests for 30s"]
    assert len(missing(held | {"reason": f"{baked} telemetry is incomplete"})) == 1
    undecided = held | {"reason": f"{baked} errors: ...", "checks": status["checks"]}
    assert missing(undecided) == [f"errors must pass (now INCONCLUSIVE): {reason(status)}{MORE}"]


def test_a_pause(status: dict[str, Any]) -> None:
    """The command that resumes comes first; an approval is refused before the resume, and that is part of the line."""
    paused = passing(status) | {"phase": "paused", "reason": "a look at the logs"}
    resume = "resume: the rollout is paused (a look at the logs): sluicegate rollout resume checkout-v2"
    assert missing(paused) == [resume]
    unapproved = paused | {"approval": {"needed": True, "by": None}}
    assert missing(unapproved) == [resume, "approval, after the resume: sluicegate rollout approve checkout-v2"]
    assert missing(unapproved | {"phase": "baking"}) == ["approval: sluicegate rollout approve checkout-v2"]


def test_passes_and_doubts(status: dict[str, Any]) -> None:
    """Consecutive passes are counted, doubts about the traffic are listed."""
    doubtful = passing(status) | {"passes": {"so_far": 1, "needed": 3}, "doubts": ["canary has 33% of users"]}
    assert missing(doubtful) == [
        "a trustworthy split of traffic: canary has 33% of users",
        "consecutive panes on which every check passes: 1, needs 3; 2s at least",
    ]


def test_before_the_first_pane(status: dict[str, Any]) -> None:
    """Without a verdict nothing can pass."""
    first = status | {"checks": [], "decision": None}
    assert "a first verdict: no pane of this stage has been judged yet" in missing(first)
    assert not any(line.startswith("Last decision") for line in status_lines(first, status["event_time"]))


def test_a_gate_that_has_stopped(status: dict[str, Any]) -> None:
    """If nothing was judged for long, a running worker is missing."""
    done = passing(status)
    assert list(missing_conditions(done, done["event_time"] + stale_after(done) - 1)) == []
    assert list(missing_conditions(done, done["event_time"] + 241_000)) == [
        "a running worker: nothing has been judged for 4m1s; check sluicegate worker (/readyz) and that events arrive"
    ]


@pytest.mark.parametrize(
    ("phase", "text"), [("promoted", "no further stage"), ("rolled_back", "does not advance any more")]
)
def test_an_ended_rollout(status: dict[str, Any], phase: str, text: str) -> None:
    """An ended rollout needs nothing: the lines have its end and its last decision."""
    ended = status | {"phase": phase}
    first, second = status_lines(ended, ended["event_time"] + 10 * stale_after(ended))
    assert first.startswith(f"checkout-v2 is {phase.replace('_', ' ')}: ")
    assert text in first
    assert second.startswith("Last decision: checkout-v2:1:1: ")
    assert missing(ended) == []


def test_text_from_topics_cannot_control_the_terminal(status: dict[str, Any]) -> None:
    """Texts from outside are shown in printable characters only."""
    evil = "\x1b[2J"
    check = status["checks"][0] | {"name": evil, "verdict": evil, "reason": evil} | COMPARED
    hostile = {"rollout": evil, "stage": evil, "reason": evil, "checks": [check], "decision": evil, "phase": "paused"}
    assert all(line.isprintable() for line in status_lines(status | hostile, status["event_time"]))


def test_a_freeze_is_listed_once(status: dict[str, Any]) -> None:
    """Who, until when and why; not also as the reason of the hold."""
    freeze = {"by": "ann", "reason": "peak sales", "label": "tier=1", "until": None}
    held = {
        **passing(status),
        "phase": "held",
        "cause": "frozen",
        "freeze": freeze,
        "reason": "stage canary has passed",
    }
    assert missing(held) == [
        "the end of the freeze: rollouts with label tier=1 are frozen by ann (reason: peak sales)",
    ]


def unreadable(status: Document, cohort: str) -> dict[str, Any]:
    """Return the status with three of four events of a cohort unreadable."""
    known = {"requests": 100, "late": 0, "unreadable": 300, "refused": 0, "clamped": 0, "completeness": 0.25}
    return {**passing(status), "telemetry": {**status["telemetry"], cohort: known}}


def test_telemetry_that_cannot_be_read(status: dict[str, Any]) -> None:
    """The cohort, the numbers and the minimum, as of now; the hold for it, with older ones, is no second line."""
    lacking = unreadable(status, "canary")
    assert missing(lacking) == [
        "complete telemetry of canary: 25% (300 of 400 events of stage canary could not be read), "
        "needs 99% (min_completeness); 29,600 more events without a loss, about 4h"
    ]
    assert missing({**lacking, "min_completeness": 0.2}) == []
    held = {**lacking, "phase": "held", "cause": "incomplete", "reason": "canary's telemetry is 25% complete"}
    assert missing(held) == missing(lacking)
    alone = {**unreadable(status, "stable"), "stage_index": 1}
    assert not any("telemetry" in each for each in missing(alone))


def test_a_rollout_that_is_judged_ahead_of_the_clock(status: dict[str, Any]) -> None:
    """Some clock is wrong, and that is what to look at."""
    (line,) = [each for each in missing_conditions(status, status["event_time"] - AHEAD_MS) if "ahead" in each]
    assert line.startswith("a right clock: it is judged up to 1m ahead of the clock here")
