"""Events that cannot be read, or for which there is no room: never an advance, and no shelter for what is seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gates.decisions import Action
from gates.rules import CURRENT
from streams.journal import Partial, Record
from tests.properties.hand import a_policy, journals, raised_by_the_gate
from tests.properties.journals import BAD, CANDIDATE, Episode, Script, decisions, play, render, scripts


def without_failures(record: Record, how: Literal["unreadable", "refused"]) -> Record:
    """Return the record as ingest writes it where it cannot read the candidate's failures, or has no room for them."""
    if not isinstance(record, Partial):
        return record
    cells, refused = [], 0
    for cell in record.cells:
        failures = cell.counts[BAD] if cell.cohort == CANDIDATE and not cell.synthetic else 0
        counts = tuple(0 if failures and at == BAD else number for at, number in enumerate(cell.counts))
        unreadable = failures if how == "unreadable" else 0
        refused += failures - unreadable
        cells.append(msgspec.structs.replace(cell, counts=counts, unreadable=unreadable))
    return msgspec.structs.replace(record, cells=cells, refused={CANDIDATE: refused} if refused else {})


@journals
@given(scripts(), st.floats(0.2, 1.0), st.sampled_from(["unreadable", "refused"]), st.booleans())
def test_9_a_candidate_whose_failures_are_not_counted_never_advances(
    script: Script, share: float, how: Literal["unreadable", "refused"], repeats: bool
) -> None:
    """They cannot be read, or there is no room for them: the counts of a chunk's versions, repeated or not."""
    episodes = tuple(
        Episode(each.seconds, requests=(20, 2_000), errors=(share, 0.0), sources=each.sources)
        for each in script.episodes
    )
    policy = {**script.policy, "min_completeness": "99%"}
    script = replace(script, policy=policy, episodes=episodes, rules=CURRENT)
    records = (without_failures(record, how) for record in render(script, slices=2, repeats=repeats))
    for decision in decisions(play(script, records)):
        assert not raised_by_the_gate(decision)


@journals
@given(st.integers(1, 9), st.sampled_from(["unreadable", "refused"]))
def test_9_a_failure_that_is_seen_acts_whatever_is_missing(times: int, how: Literal["unreadable", "refused"]) -> None:
    """However many events of the candidate are missing: the failures among the others roll back."""

    def lacking(record: Record) -> Record:
        if not isinstance(record, Partial):
            return record
        mine = {at: sum(cell.counts) * times for at, cell in enumerate(record.cells) if cell.cohort == CANDIDATE}
        if how == "refused":
            return msgspec.structs.replace(record, refused={CANDIDATE: sum(mine.values())})
        cells = [msgspec.structs.replace(cell, unreadable=mine.get(at, 0)) for at, cell in enumerate(record.cells)]
        return msgspec.structs.replace(record, cells=cells)

    script = Script(a_policy(), (Episode(20, requests=(40, 400), errors=(0.5, 0.0)),))
    found = [decision.action for decision in decisions(play(script, map(lacking, render(script))))]
    assert found[-1] is Action.ROLLBACK
    assert not {Action.ADVANCE, Action.PROMOTE} & set(found)
