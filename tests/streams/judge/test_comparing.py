"""A fold that differs from what was published: nothing of it reaches an actuator, and other rollouts go on."""

from __future__ import annotations

from dataclasses import replace

from gates.decisions import Command, Decision
from streams.journal import encode_document
from streams.judge.comparing import as_published
from streams.judge.fold import Fold
from streams.judge.outputs import Acknowledged, FoldOutput, ForeignCounts, LateEvents, RolloutSetAside, RolloutStatus
from streams.judge.published import Published
from tests.properties.hand import a_policy
from tests.properties.journals import ROLLOUT
from tests.streams.judge.test_set_aside import a_start


def outputs_of(name: str, fold: Fold, offset: int) -> list[FoldOutput]:
    """Return all kinds of outputs about a rollout that starts at this offset."""
    decision, status = fold.apply(a_start(offset, rollout=name, policy=a_policy(rollout=name)), offset)
    assert isinstance(decision, Decision)
    assert isinstance(status, RolloutStatus)
    return [decision, Command(decision, 1, 2), status, Acknowledged(name, "start", "applied", 1), LateEvents(name, 1)]


def test_only_what_differs_is_kept_back() -> None:
    """All kinds of outputs of that rollout, and none of another."""
    fold, published = Fold(0), Published()
    ours = outputs_of(ROLLOUT, fold, 0)
    other = [*outputs_of("other", fold, 0), ForeignCounts("1.1")]
    first = ours[0]
    assert isinstance(first, Decision)
    published.add(encode_document(replace(first, epoch=3, stage="another").document()), 0, {}, -1)
    published.add(encode_document(replace(first, stage="another").document()), 0, {}, -1)
    *kept, aside = as_published(fold, published, 0, [*ours, *other])
    assert kept == other
    assert isinstance(aside, RolloutSetAside)
    assert "stage another" in aside.why
    assert (list(fold.rollouts), fold.set_aside[ROLLOUT].epoch) == (["other"], 3)
    assert as_published(fold, published, 1, other) == other


def test_one_that_is_set_aside_differs_no_more() -> None:
    """Its later decisions are not made, which is known."""
    fold, published = Fold(0), Published()
    first, *_ = outputs_of(ROLLOUT, fold, 0)
    assert isinstance(first, Decision)
    for offset in (0, 5):
        made = replace(first, sequence=offset + 1, stage="another", journal=(0, offset))
        published.add(encode_document(made.document()), 0, {}, -1)
    assert len(as_published(fold, published, 0, [first])) == 1
    assert as_published(fold, published, 5, []) == []
