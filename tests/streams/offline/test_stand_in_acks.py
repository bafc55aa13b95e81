"""Acks that offline work gives: by each actuator that the policy names, for the weights of the decision."""

from __future__ import annotations

import pytest

from gates.decisions import Decision
from gates.gate import Gate
from gates.policy import Policy
from streams.offline.stand_in_acks import applied, applied_record, stand_ins
from tests.gates.test_gate import started
from tests.pipeline.harness import POLICY


@pytest.fixture
def decision() -> Decision:
    """The start of a rollout."""
    gate: Gate = started()
    assert gate.state.last is not None
    return gate.state.last


def test_each_named_actuator_acknowledges() -> None:
    """And one stands in where the policy names none."""
    named = Policy.parse(POLICY.document() | {"commands": {"actuators": ["eu", "us"]}})
    assert stand_ins(named, "replay") == ("eu", "us")
    assert stand_ins(POLICY, "replay") == ("replay",)


def test_both_forms_are_of_the_decision(decision: Decision) -> None:
    """Its place and its weights, applied."""
    record, given = applied_record(decision, "eu"), applied(decision, "eu")
    assert (record.id, record.rollout, record.at) == (decision.id, decision.rollout, decision.event_time)
    for each in (record, given):
        assert (each.epoch, each.sequence, each.actuator) == (decision.epoch, decision.sequence, "eu")
        assert (each.status, each.weights) == ("applied", decision.weights)
