"""The promises of docs/reliability.md, checked against the topics of a trial that has ended."""

import json
from collections import Counter, defaultdict
from typing import Any
from unittest.mock import patch

from gates.gate import Gate
from gates.machine.rollout import Moment
from gates.panes import Pane
from streams.journal import encode_document
from streams.judge.fold import Fold
from streams.offline.journal_replay import JournalReplay, read_journal
from tests.faults.recount import Requests
from tests.pipeline.harness import Site

COHORTS = ("stable", "canary")
WINDOW_MS = 10_000


async def decided(site: Site) -> dict[str, list[dict[str, Any]]]:
    """Decisions by rollout, each once; without a gap, and no two with one id."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for value in (await site.decisions()).values():
        decision = json.loads(value)
        found[decision["rollout"]].append(decision)
    for decisions in found.values():
        assert [each["sequence"] for each in decisions] == list(range(1, len(decisions) + 1))
    return found


async def dead_letters(site: Site) -> Counter[str]:
    """Dead letters of events by reason; one that was written twice is one."""
    found = {}
    for record in await site.read(site.topics.dead_letters):
        headers = dict(record.headers)
        if headers["topic"].decode() == site.topics.events:
            found[headers["partition"], headers["offset"], headers["index"]] = headers["reason"].decode()
    return Counter(found.values())


async def panes_hold(site: Site, true: Requests, rollouts: int, allowed: int) -> dict[str, int]:
    """Fold the journal again: the same decisions, and panes that hold what the recount gives.

    Events that came too late, of which some are `allowed`, are missing in their pane and counted as late: both together
    are again what the recount gives. Late ones of a rollout that has ended may be of a time after its last pane.
    Returns the start of each rollout's first pane.
    """
    panes: dict[str, list[Pane]] = defaultdict(list)
    folds: list[Fold] = []
    observe, begin = Gate.pane, Fold.__init__

    def spy(gate: Gate, pane: Pane, moment: Moment) -> Any:
        panes[gate.state.policy.rollout].append(pane)
        return observe(gate, pane, moment)

    def keep(fold: Fold, partition: int) -> None:
        folds.append(fold)
        begin(fold, partition)

    with patch.object(Gate, "pane", spy), patch.object(Fold, "__init__", keep):
        replay = await read_journal(site.settings)
    await _same_decisions(site, replay, rollouts)
    unreported = {name: rollout.late for fold in folds for name, rollout in fold.rollouts.items()}
    ended = {name for fold in folds for name, rollout in fold.rollouts.items() if rollout.ended}
    for rollout, seen in panes.items():
        assert [pane.start for pane in seen[1:]] == [pane.end for pane in seen[:-1]]
        missing = 0
        for pane in seen:
            for cohort in COHORTS:
                given = pane.cell(cohort).requests
                lacks = true[rollout, cohort, pane.start] - given
                assert lacks >= 0 if allowed else lacks == 0, (rollout, cohort, pane)
                missing += lacks
        late = sum(sum(pane.late.values()) for pane in seen) + sum(unreported[rollout].values())
        assert missing <= late if rollout in ended else missing == late, (rollout, missing, late)
        assert late <= allowed, (rollout, late)
    return {rollout: seen[0].start for rollout, seen in panes.items()}


async def _same_decisions(site: Site, replay: JournalReplay, rollouts: int) -> None:
    """What was published is what folding the journal gives, to the byte."""
    assert not replay.notes
    again = {decision.id: encode_document(decision.document()) for decision in replay.decisions}
    published = await site.decisions()
    apart = {name: (value, again.get(name)) for name, value in published.items() if again.get(name) != value}
    assert not apart  # a worker killed last may not have published its last ones
    assert len(again) - len(published) <= rollouts


async def windows_hold(site: Site, true: Requests, opened: dict[str, int], allowed: int) -> None:
    """The counts of each published status are those of the recount for its window."""
    for record in await site.read(site.topics.status):
        status = json.loads(record.value)
        end = status["event_time"]
        for cohort in COHORTS:
            seconds = range(max(opened.get(status["rollout"], end), end - WINDOW_MS), end, 1000)
            expected = sum(true[status["rollout"], cohort, second] for second in seconds)
            given = status["slis"][cohort]["requests"]
            assert given <= expected if allowed else given == expected, (status["rollout"], cohort, end)
