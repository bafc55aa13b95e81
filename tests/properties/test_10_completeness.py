"""What was not seen is no evidence: a candidate whose failures are missing never advances."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gates.decisions import Action
from tests.properties.hand import a_policy, journals, raised_by_the_gate
from tests.properties.journals import Episode, Script, a_start, decisions, play, render, scripts


@journals
@given(scripts(), st.floats(0.2, 1.0), st.integers(4, 9))
def test_10_a_candidate_whose_failures_are_late_never_advances(script: Script, share: float, late: int) -> None:
    """Its successes arrive in time, and no failure does; the baseline is healthy and has a hundred times as many."""
    episodes = tuple(
        replace(each, requests=(20, 2_000), errors=(share, 0.0), late=0, late_failures=late, word=None)
        for each in script.episodes
    )
    for decision in decisions(play(replace(script, episodes=episodes))):
        assert not raised_by_the_gate(decision)


def test_10_an_epoch_of_an_older_build_is_judged_as_then() -> None:
    """Its start has no number of rules: the late events of both cohorts count together."""
    script = Script(a_policy(), (Episode(40, requests=(20, 2_000), errors=(0.5, 0.0), late_failures=5),))
    records = list(render(script))
    assert Action.ADVANCE not in [decision.action for decision in decisions(play(script, iter(records)))]
    records[0] = msgspec.structs.replace(a_start(script.policy), rules=1)
    assert Action.ADVANCE in [decision.action for decision in decisions(play(script, iter(records)))]
