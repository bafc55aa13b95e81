"""Partials share a record of the journal: nothing is lost, nothing goes elsewhere, and folding them is the same."""

import random

from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from connectors.decoders import RequestEvent
from connectors.kafka.clients import partition_for
from streams import journal
from streams.cells import SourcePartition
from streams.ingest.chunks import Chunker, SourceRecord
from streams.journal import Partial, Partials, bundled, decode, encode
from streams.judge.fold import Fold

T0 = 1_767_225_600_000


def partials(rng: random.Random, rollouts: int) -> list[Partial]:
    """Return what some flushes of a source partition hold, two versions of one rollout among them."""
    chunker, found = Chunker(SourcePartition("e", 0)), []
    for offset in range(200):
        event = RequestEvent(
            ts_ms=T0 + offset * 100,
            rollout=f"r{rng.randrange(rollouts)}",
            cohort=rng.choice(("stable", "canary")),
            status=200,
            latency_ms=rng.lognormvariate(3, 1),
        )
        chunker.count_records([SourceRecord(offset, T0 + offset * 100, [event])])
        if rng.random() < 0.1:
            found += chunker.flush().partials
    return found + chunker.flush().partials


@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 20_000))
def test_bundles_hold_the_partials_in_order(seed: int, rollouts: int, size: int) -> None:
    """However many fit into one; and only a partial alone in its record may go beyond the size."""
    given_ones = partials(random.Random(seed), rollouts)
    before, journal.BUNDLE_BYTES = journal.BUNDLE_BYTES, size
    try:
        values = list(bundled(map(encode, given_ones)))
    finally:
        journal.BUNDLE_BYTES = before
    records = [decode(value) for value in values]
    assert all(isinstance(record, Partials) for record in records)
    held = [partial for record in records if isinstance(record, Partials) for partial in record.partials]
    assert held == [decode(encode(partial)) for partial in given_ones]
    for record in records:
        assert isinstance(record, Partials)
        assert len(record.partials) == 1 or sum(len(encode(partial)) for partial in record.partials) <= size
        assert decode(encode(record)) == record


@given(st.integers(0, 2**32), st.integers(1, 5))
def test_a_bundle_folds_as_its_partials_do(seed: int, rollouts: int) -> None:
    """The same joins, whether each has a record of its own or all share one; another build's are refused one by one."""
    given_ones = partials(random.Random(seed), rollouts)
    alone, together = Fold(0), Fold(0)
    for offset, partial in enumerate(given_ones):
        alone.apply(partial, offset)
    together.apply(Partials(partials=given_ones), 0)
    assert {name: rollout.join.state() for name, rollout in together.rollouts.items()} == {
        name: rollout.join.state() for name, rollout in alone.rollouts.items()
    }
    foreign = Partial(rollout="x", source=SourcePartition("e", 0), start=0, upto=1, final=True, cells=[], rule="1.1")
    assert len(together.apply(Partials(partials=[foreign, *given_ones[:1], foreign]), 1)) == 2


def test_none_makes_no_record() -> None:
    """Where nothing changed, nothing is written."""
    assert list(bundled([])) == []


@given(st.text(min_size=1), st.integers(1, 50))
def test_partials_go_where_keyed_records_go(rollout: str, partitions: int) -> None:
    """The sequencer's records of a rollout and its counts are in one partition."""
    numbers = list(range(partitions))
    assert partition_for(rollout, partitions) == DefaultPartitioner()(rollout.encode(), numbers, numbers)
