"""Never roll back because telemetry, a broker, a worker or an actuator went away."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gates.decisions import Action
from streams.journal import Partial
from tests.properties.hand import journals, raised_by_the_gate
from tests.properties.journals import (
    T0,
    Episode,
    Script,
    decisions,
    play,
    scripts,
)


@journals
@given(scripts(healthy=True, words=("pause", "resume", "promote", "start", "start changed", "bad ack: rejected")))
def test_2_an_outage_is_never_a_rollback(script: Script) -> None:
    """Without an error or a slow request, whatever goes silent, stalls, comes late or stays unanswered: no rollback."""
    assert Action.ROLLBACK not in {decision.action for decision in decisions(play(script))}


@journals
@given(scripts(healthy=True, words=("pause",)), st.integers(20, 60))
def test_2_an_outage_is_never_a_promotion(script: Script, seconds: int) -> None:
    """While no telemetry arrives, nothing advances, not even with good evidence from before."""
    quiet = Episode(seconds, requests=(0, 0), sources=("silent", "silent"))
    steps = list(play(replace(script, episodes=(*script.episodes, quiet))))
    last_events = max((s.record.cells[-1].start for s in steps if isinstance(s.record, Partial)), default=T0)
    for step in steps:
        for decision in step.decisions:
            if raised_by_the_gate(decision):
                assert decision.event_time <= last_events + 4_000 + 1_000  # hold_after, and the pane itself
