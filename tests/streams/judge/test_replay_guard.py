"""The replay guard: a copy of a signed order is refused, for as long as its signature could still be accepted."""

from __future__ import annotations

import pytest

from streams.journal import Control, Signed
from streams.judge import replay_guard
from streams.judge.replay_guard import SLACK_MS, ReplayedError, ReplayGuard


def order(id_: str | None, expires_at: int = 1_000) -> Control:
    """Return an order to pause, signed under this id."""
    signed = None if id_ is None else Signed("key", id_, expires_at)
    return Control(rollout="r", control="pause", by="ann", at=0, signed=signed)


def test_a_copy_is_refused() -> None:
    """The first is recorded; the error names the order and its rollout."""
    guard = ReplayGuard()
    guard.record(order("a"), wall=0)
    with pytest.raises(ReplayedError, match="order a of ann for r was seen before"):
        guard.record(order("a"), wall=1_000 + SLACK_MS)


def test_an_unsigned_order_is_not_recorded() -> None:
    """It has no id; where unsigned orders are accepted, anyone can write one."""
    guard = ReplayGuard()
    guard.record(order(None), wall=0)
    guard.record(order(None), wall=0)
    assert guard.expires_at == {}


def test_expired_ids_are_dropped() -> None:
    """Verification refuses the order by then; the slack is for a clock that is behind."""
    guard = ReplayGuard()
    guard.record(order("a", 1_000), wall=0)
    guard.record(order("b", 9_000), wall=1_001 + SLACK_MS)
    assert guard.expires_at == {"b": 9_000}


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound, the id that expires first is dropped."""
    monkeypatch.setattr(replay_guard, "MOST_ORDERS", 2)
    guard = ReplayGuard()
    for id_, expires_at in (("a", 3_000), ("b", 1_000), ("c", 2_000)):
        guard.record(order(id_, expires_at), wall=0)
    assert guard.expires_at == {"a": 3_000, "c": 2_000}
