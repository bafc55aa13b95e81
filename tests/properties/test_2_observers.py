"""Nothing rolls back but a person, or the FAIL of a required check that is to roll back."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from gates.decisions import Action
from gates.verdicts import VerdictKind
from tests.properties.hand import journals
from tests.properties.journals import CHECKS, Document, Script, decisions, play, required, scripts

IMPOSSIBLE = {"sli": "error_rate", "limit": "95%", "min_events": 1_000_000_000}


@journals
@given(scripts())
def test_2_a_rollback_has_its_fail_or_its_person(script: Script) -> None:
    """Each rollback names who ordered it, or comes with the FAIL of a required check whose `on_fail` is rollback."""
    for decision in decisions(play(script)):
        if decision.action is Action.ROLLBACK and decision.by is None and not decision.escalate:
            known = [verdict for verdict in decision.checks if verdict.name in required(script.policy)]
            fails = [each for each in known if each.kind is VerdictKind.FAIL and each.on_fail == "rollback"]
            assert fails
            assert any(verdict.reason in decision.reason for verdict in fails)


def quiet(script: Script, fields: Document) -> Script:
    """Return the script with checks that only watch, and one required check that never fails."""
    checks = {name: {**CHECKS[name], **fields} for name in script.policy["checks"] if name != "share"}
    policy = {word: value for word, value in script.policy.items() if word != "budget"}
    return replace(script, policy={**policy, "checks": {**checks, "safe": IMPOSSIBLE}})


@journals
@given(scripts(words=("pause", "resume", "approve", "promote", "bad ack: epoch")))
def test_2_advisory_and_dry_run_checks_stop_nothing(script: Script) -> None:
    """Whatever they see: no rollback, and no pause or hold by a FAIL or a baseline that burns."""
    for severity in ("advisory", "dry_run"):
        for decision in decisions(play(quiet(script, {"severity": severity}))):
            assert decision.action is not Action.ROLLBACK
            assert "the baseline breaks" not in decision.reason


@journals
@given(scripts(words=("pause", "resume", "approve", "promote", "bad ack: epoch")))
def test_2_pausing_and_holding_checks_do_not_roll_back(script: Script) -> None:
    """`on_fail: pause` and `hold` do that at worst."""
    for on_fail in ("pause", "hold"):
        found = {decision.action for decision in decisions(play(quiet(script, {"on_fail": on_fail})))}
        assert Action.ROLLBACK not in found


@journals
@given(scripts(healthy=True, words=("pause", "resume", "approve", "start changed")))
def test_2_doubts_roll_nothing_back(script: Script) -> None:
    """Users that are not split as ordered, in every second: the data is doubted, and the candidate not to blame."""
    script = replace(script, episodes=tuple(replace(each, users=True) for each in script.episodes))
    assert Action.ROLLBACK not in {decision.action for decision in decisions(play(script))}
