"""What the fold returns: values of distinct types."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, is_dataclass
from typing import get_args

import pytest

from streams.judge.outputs import FoldOutput, LateEvents
from tools.topics_page import examples


def test_each_kind_is_a_value() -> None:
    """Equal where its fields are equal, so that two folds can be compared."""
    assert all(is_dataclass(kind) for kind in get_args(FoldOutput))
    assert LateEvents("r", 3) == LateEvents("r", 3)
    with pytest.raises(FrozenInstanceError):
        LateEvents("r", 3).events = 4  # type: ignore[misc]


def test_the_fold_returns_these_alone() -> None:
    """A rollout from its start to its rollback."""
    assert {type(output) for output in examples.outcomes()} <= set(get_args(FoldOutput))
