"""Rollouts that are judged ahead of all events and clocks are judged from where those are. Pure.

Journal time may begin with a clock that is wrong, as long as nothing contradicts it. A rollout that starts then begins
at a time that no request has, and would wait for it, blind: its requests would all be late.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from gates.machine.rollout import Moment
from streams.journal import Progress
from streams.judge.journal_time import LEAP_MS, RECENT_EVENT_MS
from streams.judge.outputs import EventTimeMended, FoldOutput, RolloutStatus
from streams.judge.rollout import JudgedRollout
from streams.judge.watermarks import Watermarks

STEADY_MS: Final = 20_000
"""Events that go on for so long show what time it is, whatever was judged before. A single late one does not."""


def reach(marks: Watermarks) -> int | None:
    """The latest event time that events and clocks show; None while nothing is known against journal time.

    Events that go on come first, because no rollout is judged further than they are.
    """
    if marks.steady_since and marks.active - marks.steady_at <= RECENT_EVENT_MS:
        if marks.active - marks.steady_since < STEADY_MS:
            return None
        recent = [each for each in marks.sources.values() if marks.active - each.newer_at <= RECENT_EVENT_MS]
        return max((each.newest for each in recent if each.newest is not None), default=None)
    return marks.reach_of_clocks(marks.by_events())


def mended(
    record: Progress, marks: Watermarks, rollouts: Mapping[str, JudgedRollout], moment: Moment
) -> list[FoldOutput]:
    """Let each rollout that is judged too far be judged from the reach of events and clocks on; `moment` is now.

    Journals of older builds, whose records name no partitions, fold as those builds folded them.
    """
    until = None if record.partitions is None else reach(marks)
    if until is None:
        return []
    outputs: list[FoldOutput] = []
    for name, rollout in rollouts.items():
        gate, before = rollout.gate, rollout.join.closed_until
        if gate is None or gate.ended or before <= until + LEAP_MS or moment.journal[1] <= rollout.snapshot_offset:
            continue
        begins_at = until + -until % gate.state.policy.pane_ms
        # Counts of before are no evidence, as at a start: they may have been served under other weights.
        rollout.join.opened_at = rollout.join.closed_until = begins_at
        rollout.late, rollout.refused, rollout.changed = {}, {}, True
        gate.judge_from(begins_at)
        status = gate.status(replace(moment, event_time=begins_at))
        outputs += [EventTimeMended(name, before, begins_at), RolloutStatus(name, status)]
    return outputs
