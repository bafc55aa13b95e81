"""Orders in the fold: what is refused there, however it was sent."""

from __future__ import annotations

from typing import Any

import pytest

from gates.decisions import Decision
from gates.rules import CURRENT
from streams.journal import Control, Freeze, Progress, Record, Start, decode, encode
from streams.judge.fold import Fold, FrozenError
from streams.judge.outputs import FoldOutput, FreezesStatus, RolloutStatus
from tests.properties.hand import a_policy
from tests.properties.journals import ROLLOUT, T0
from tests.streams.judge.restarts import reloaded

HOUR = 3_600_000


def fold(fold: Fold, record: Record) -> list[FoldOutput]:
    """Fold a record through its bytes."""
    return fold.apply(decode(encode(record)), fold.offset + 1)


def a_start(rules: int = CURRENT, policy: dict[str, Any] | None = None, **flags: Any) -> Start:
    """An operator's start."""
    return Start(rollout=ROLLOUT, policy=policy or a_policy(), by="ada", at=T0, rules=rules, **flags)


def control(name: Any, **fields: Any) -> Control:
    """An operator's control."""
    return Control(rollout=ROLLOUT, control=name, by="ada", at=T0, **fields)


def answer(outputs: list[FoldOutput]) -> tuple[list[str], dict[str, Any] | None]:
    """The decisions' actions, and what the status has of the last order."""
    (status,) = [each.document["control"] for each in outputs if isinstance(each, RolloutStatus)]
    assert status is None or isinstance(status, dict)
    return [each.action.value for each in outputs if isinstance(each, Decision)], status


def test_starting_a_promoted_rollout_again() -> None:
    """Without the flag nothing moves, and the status has the answer; with it the next epoch begins."""
    judged = Fold(0)
    fold(judged, a_start())
    fold(judged, control("promote"))
    actions, outcome = answer(fold(judged, a_start()))
    assert actions == []
    assert outcome is not None
    assert (outcome["control"], outcome["by"], outcome["accepted"]) == ("start", "ada", False)
    assert outcome["reason"] == (
        "start refused: checkout-v2 is promoted, but the promotion is not confirmed (no weights are confirmed in its "
        "epoch); starting it again sets canary to 10% and stable to 90%; add --yes to do so"
    )
    assert answer(fold(judged, a_start(rules=1)))[0] == ["start"]
    fold(judged, control("promote"))
    assert answer(fold(judged, a_start(confirmed=True)))[0] == ["start"]


def test_a_policy_of_somebody_elses() -> None:
    """A running rollout is not taken over by a name that was chosen twice."""
    judged = Fold(0)
    fold(judged, a_start())
    other = a_policy(owner="search")
    assert answer(fold(judged, a_start(policy=other)))[0] == []
    assert answer(fold(judged, a_start(policy=other, replace=True)))[0] == ["start"]


def test_a_late_rollback() -> None:
    """Wall time counts too: after a promotion there may be no events of the rollout any more."""
    judged = Fold(0)
    fold(judged, a_start())
    fold(judged, control("promote"))
    for hours in range(1, 3):
        fold(judged, Progress(worker="w", wall=T0 + hours * HOUR, sources=[]))
    actions, outcome = answer(fold(judged, control("rollback")))
    assert (actions, outcome is not None and outcome["accepted"]) == ([], False)
    assert answer(fold(judged, control("rollback", confirmed=True)))[0] == ["rollback"]


def a_freeze(frozen: bool = True, **fields: Any) -> Freeze:
    """An operator's freeze, or its end."""
    return Freeze(**{"frozen": frozen, "by": "ann", "reason": "peak", "at": T0, "partitions": 1, **fields})


def test_a_freeze_reaches_running_rollouts_and_their_orders() -> None:
    """The statuses have it at once; promote needs the flag; a restart changes nothing; the end lets it go on."""
    judged = Fold(0)
    fold(judged, a_start())
    freezes, status = fold(judged, a_freeze(until=T0 + HOUR))
    assert isinstance(freezes, FreezesStatus)
    assert freezes.document["order"] == {"frozen": True, "label": None, "by": "ann", "at": T0}
    assert freezes.document["freezes"] == [{"label": None, "by": "ann", "reason": "peak", "until": T0 + HOUR}]
    assert isinstance(status, RolloutStatus)
    assert status.document["freeze"] == {"by": "ann", "reason": "peak", "label": None, "until": T0 + HOUR}
    judged = reloaded(judged)
    actions, outcome = answer(fold(judged, control("promote")))
    assert (actions, outcome is not None and outcome["accepted"]) == ([], False)
    assert answer(fold(judged, a_start(policy=a_policy(min_requests=9))))[0] == []
    _, status = fold(judged, a_freeze(frozen=False))
    assert isinstance(status, RolloutStatus)
    assert status.document["freeze"] is None
    assert answer(fold(judged, control("promote")))[0] == ["promote"]
    assert len(fold(judged, a_freeze())) == 1


def test_a_rollout_is_not_started_during_a_freeze() -> None:
    """It has no status yet: the order becomes a dead letter."""
    judged = Fold(0)
    fold(judged, a_freeze())
    with pytest.raises(FrozenError, match="start refused: rollouts are frozen by ann"):
        fold(judged, a_start())
    assert judged.rollouts[ROLLOUT].gate is None
    assert answer(fold(judged, a_start(override_freeze=True)))[0] == ["start"]
    assert answer(fold(judged, control("promote", override_freeze=True)))[0] == ["promote"]
