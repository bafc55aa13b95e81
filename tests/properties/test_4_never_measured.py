"""Terminated, aborted, never measured is not success; a stage without checks is a policy error."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given

from gates.policy import Policy, PolicyError
from tests.properties.hand import RAISING, a_policy, journals
from tests.properties.journals import (
    Document,
    Episode,
    Script,
    play,
    scripts,
    without_candidate,
)


@journals
@given(scripts(words=("start", "start changed", "bad ack: epoch")))
def test_4_never_measured_is_never_success(script: Script) -> None:
    """Without a single request of the candidate there is no advance and no promotion, and no PASS."""
    for step in play(without_candidate(script)):
        assert not any(decision.action in RAISING for decision in step.decisions)
        if step.gate is not None:
            assert "PASS" not in {verdict.kind.value for verdict in step.gate.state.evaluation.verdicts}


@pytest.mark.parametrize("changes", [{"checks": {}}, {"checks": None}, {"stages": []}, {"checks": {"e": {}}}])
def test_4_nothing_to_check_is_a_policy_error(changes: Document) -> None:
    """A policy without checks, without stages, or with a check that checks nothing is refused, and starts nothing."""
    with pytest.raises(PolicyError):
        Policy.parse(a_policy(**changes))
    script = Script(a_policy(**changes), (Episode(10),))
    assert list(itertools.chain.from_iterable(step.outcomes for step in play(script))) == []
