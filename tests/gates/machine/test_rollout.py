"""The state of the machine: it names its stage, and comes back from a snapshot."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gates.documents.state import Codec
from gates.machine.rollout import ControlOutcome, Moment, Pending, RolloutState, StageProgress, Started
from gates.machine.step import start
from gates.machine.transitions import Phase, Signal
from gates.policy import Policy
from tests.gates.pane_builders import T0, policy

CODEC = Codec(RolloutState, written={Policy: lambda known: known.written}, read={Policy: Policy.parse})
STARTED = start(None, Started(policy(), "ada", "new"), Moment(T0, T0, T0, (0, 0))).state


@pytest.mark.parametrize(("index", "name"), [(0, "tenth"), (1, "all")])
def test_the_stage_is_that_of_the_progress(index: int, name: str) -> None:
    """By its index in the policy."""
    assert replace(STARTED, progress=StageProgress(index, T0, T0)).stage.name == name


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"phase": Phase.HELD, "cause": Signal.SILENT},
        {"pending": None, "control": ControlOutcome("approve", "ada", True, "", (0, 5))},
        {"pending": Pending(2, T0, T0 + 1, T0 + 2, tries=3, rounds=1)},
        {"progress": StageProgress(1, T0, T0 + 1, T0 + 2, 3_000, 4, "grace", T0 + 5)},
        {"last": None},
    ],
)
def test_a_state_comes_back_from_a_snapshot(changes: dict[str, Any]) -> None:
    """Equal in every field, whichever of the optional ones are set."""
    state = replace(STARTED, **changes)
    assert CODEC.decode(json.loads(json.dumps(CODEC.encode(state)))) == state
