"""The load that is measured: what it reports as sent, spread over partitions."""

from __future__ import annotations

from collections import Counter

from benchmarks import fleet, load
from benchmarks.fleet import BASELINE, BEGAN_MS, CANDIDATE, Fleet, policy
from benchmarks.load import Load
from connectors.decoders.registry import decoder
from streams.journal import Progress
from streams.judge.fold import Fold, Status
from streams.judge.join import Join


def test_a_policy_has_two_cohorts_and_four_checks() -> None:
    """What the figures are for."""
    known = policy("checkout-v2")
    assert (known.cohorts.baseline, known.cohorts.candidate) == (BASELINE, CANDIDATE)
    assert len(known.checks) == 4


def test_a_fleet_journals_each_event_once() -> None:
    """The partials of eight flushes, joined, hold as many requests as were due."""
    traffic, joins = Fleet(3, 20.0), {name: Join() for name in fleet.names(3)}
    for _ in range(8):
        for partial in traffic.flush()[0]:
            joins[partial.rollout].apply(partial)
    taken = [join.take(BEGAN_MS, BEGAN_MS + 2_000).cells for join in joins.values()]
    assert sum(cell.requests for cells in taken for cell in cells.values()) == 3 * 20 * 2
    assert all(set(cells) == {BASELINE, CANDIDATE} for cells in taken)


def test_every_rollout_of_a_fleet_is_judged_every_second() -> None:
    """Once the watermark has come, four flushes close one pane of each rollout."""
    fold, traffic, statuses = Fold(0), Fleet(3, 20.0), Counter[str]()
    records = [*traffic.opening()]
    for _ in range(4 * 6):
        partials, progress = traffic.flush()
        records += [*partials, progress]
    for offset, record in enumerate(records):
        for outcome in fold.apply(record, offset):
            if isinstance(record, Progress) and isinstance(outcome, Status):
                statuses[outcome.rollout] += 1
    assert statuses == dict.fromkeys(fleet.names(3), 3)  # of six seconds three lie behind the watermark


def test_load_is_what_ingest_reads() -> None:
    """Events decode, carry the time of their making, and name every rollout in both cohorts."""
    events = [
        event for value in Load(3, 0, 0.0, 0.0).take(500, 0.0, BEGAN_MS) for event in decoder().decode(value).events
    ]
    assert all(event.ts_ms == BEGAN_MS for event in events)
    named = {(event.rollout, event.cohort) for event in events}
    assert named == {(name, cohort) for name in fleet.names(3) for cohort in (BASELINE, CANDIDATE)}


def test_a_rollout_turns_bad_at_its_moment() -> None:
    """Before it hardly anything fails, after it all of its candidate's requests do, and no one else's."""
    made = Load(2, 1, 5.0, 5.0)
    for elapsed, failing in ((4.9, 0.02), (5.0, 1.0)):
        read = [event for value in made.take(2_000, elapsed, BEGAN_MS) for event in decoder().decode(value).events]
        failed = Counter((event.rollout, event.cohort) for event in read if event.status == 500)
        every = Counter((event.rollout, event.cohort) for event in read)
        bad = (fleet.names(1)[0], CANDIDATE)
        assert abs(failed[bad] / every[bad] - failing) <= 0.02
        assert all(failed[other] / every[other] < 0.03 for other in every if other != bad)


def test_load_says_when_it_sent_what() -> None:
    """Of each second the last event of a rollout that turns bad."""
    made = Load(2, 1, 0.0, 0.0)
    for now in (10_100, 10_900, 11_000):
        made.take(50, 0.0, now)
    assert made.sent.events == 150
    assert made.sent.last == {fleet.names(1)[0]: {10: 10_900, 11: 11_000}}


def test_no_two_rounds_of_load_are_alike() -> None:
    """Heads and tails go round apart, or chance would favour the same cohort again and again."""
    assert load.HEADS != load.TAILS
    assert all(number % divisor for number in (load.HEADS, load.TAILS) for divisor in range(2, 200))
