"""Replay: events in, decisions out, without a broker."""

import json
from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from gates.policy import Policy
from streams.offline.replay import Replay, distinct_decisions
from tests.pipeline.harness import POLICY, traffic

T0 = 1_767_225_600_000
DAY = 86_400_000


def _decided(events: Iterable[dict[str, object]], policy: Policy = POLICY) -> list[dict[str, object]]:
    replay = Replay(policy)
    return [
        decision.document()
        for decision in distinct_decisions(replay.run(json.dumps(event).encode() for event in events))
    ]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 7_999), st.integers(61_000, 400 * DAY))
def test_one_event_from_the_future_moves_nothing(at: int, ahead: int) -> None:
    """A broken clock in the middle of the file, or at its start: all else is judged as if it were not there."""
    events = list(traffic(T0, 40, rps=200))
    stray = events[at] | {"ts": events[at]["ts"] + ahead, "cohort": "elsewhere"}
    found = _decided([*events[:at], stray, *events[at:]])
    assert [(d["action"], d["event_time"]) for d in found] == [(d["action"], d["event_time"]) for d in _decided(events)]
    assert "advance" in {d["action"] for d in found}


def test_a_gap_is_no_broken_clock() -> None:
    """Where all that follows is later too, time did pass: the gap holds the rollout, however long it was."""
    events = [*traffic(T0, 3), *traffic(T0 + 120_000, 30)]
    assert [d["action"] for d in _decided(events)] == ["start", "hold", "resume"]


def test_nothing_in_nothing_out() -> None:
    """No events: no decisions."""
    assert _decided([]) == []


def test_a_freeze_window_is_honoured() -> None:
    """The replay itself may begin in one; the stage advances once it is over."""
    window = {"days": ["thu"], "from": "00:00", "to": "00:00"}
    frozen = Policy.parse(POLICY.document() | {"freeze": [window]})
    events = list(traffic(T0, 70, rps=200))
    decided = _decided(events, frozen)
    assert "overriding a freeze (a freeze window of the policy holds until 2026-01-01 00:01:00Z)" in str(
        decided[0]["reason"]
    )
    held = [d for d in decided[1:] if int(str(d["event_time"])) < T0 + 60_000]
    assert {d["action"] for d in held} == {"hold"}
    assert any("a freeze window of the policy holds" in str(d["reason"]) for d in held)
    assert "advance" in {d["action"] for d in decided}


def test_every_actuator_that_the_policy_names_acknowledges() -> None:
    """A policy that needs several confirmations is judged as the same policy without names."""
    named = Policy.parse(POLICY.document() | {"commands": {"actuators": ["haproxy-eu", "haproxy-us"]}})
    expected = [(d["action"], d["reason"]) for d in _decided(traffic(T0, 40, rps=200))]
    assert [(d["action"], d["reason"]) for d in _decided(traffic(T0, 40, rps=200), named)] == expected
    assert "advance" in dict(expected)


def test_unreadable_lines_count_against_their_cohort() -> None:
    """A healthy rollout advances; the same with one line in ten of the candidate unreadable does not."""
    events = list(traffic(T0, 40, rps=200))
    assert "advance" in {d["action"] for d in _decided(events)}
    canaries = [at for at, event in enumerate(events) if event["cohort"] == "canary"][::10]
    spoiled = [event | {"status": "ok?"} if at in canaries else event for at, event in enumerate(events)]
    found = _decided(spoiled)
    assert "advance" not in {d["action"] for d in found}
