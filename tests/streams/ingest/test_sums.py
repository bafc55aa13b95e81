"""An independent check of the numbers: events in at one end, panes and windows out at the other, against numpy.

The events go the whole way: NDJSON, decoder, `Chunker`, journal bytes, `Join`, `CohortWindow`.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
import pytest

from connectors.decoders.registry import decoder
from gates.panes import CLASSES, Cell
from gates.stats.exceedance import bucket_at
from gates.windows import CohortWindow
from streams.cells import CELL_MS, SourcePartition
from streams.ingest.chunks import Chunker, SourceRecord
from streams.journal import Partial, decode, encode
from streams.judge.join import Join

T0 = 1_767_225_600_000
SECONDS = 120
EVENTS = 50_000
WINDOWS = (5_000, 30_000, 60_000)
QUANTILES = (0.5, 0.95, 0.99)
MIX = {("checkout", "stable"): 0.6, ("checkout", "canary"): 0.06, ("search", "a"): 0.3, ("search", "b"): 0.04}
STATUSES = (101, 200, 200, 200, 301, 404, 429, 500, 503)
RPC = {0: "ok", 8: "4xx", 13: "error", 14: "error"}
ERRORS = (("5xx", "error"), (503, "error", 429), ("5xx", "grpc:14", "grpc:8", 301))

Raw = dict[tuple[str, str, int], list[tuple[int | str, float]]]


def lines(rng: random.Random) -> Iterator[bytes]:
    """Give the event file: times out of order by up to two seconds, latencies from 1 ms to a minute."""
    for index in range(EVENTS):
        rollout, cohort = rng.choices(list(MIX), list(MIX.values()))[0]
        event: dict[str, object] = {
            "ts": T0 + 2_000 + index * (SECONDS - 2) * 1_000 // EVENTS - rng.randint(0, 2_000),
            "rollout": rollout,
            "cohort": cohort,
            "latency_ms": min(60_000.0, max(1.0, rng.lognormvariate(4.0, 1.2))),
        }
        event |= {"outcome": rng.choice(["ok", "error"])} if rng.random() < 0.1 else {"status": rng.choice(STATUSES)}
        if "status" in event and rng.random() < 0.1:
            event["grpc_status"] = rng.choice(list(RPC))
        yield orjson.dumps(event)


def result_of(event: dict[str, Any]) -> int | str:
    """Return what an event as written counts as, as a policy writes it, the test's own way."""
    if "grpc_status" in event and (event["grpc_status"] or event.get("status", 200) < 400):
        return f"grpc:{event['grpc_status']}"
    found: int | str = event["outcome"] if "outcome" in event else event["status"]
    return found


def word_of(result: int | str) -> str:
    """Return the class of a result, the test's own way."""
    if isinstance(result, int):
        return f"{str(result)[0]}xx"
    return RPC[int(result[5:])] if result.startswith("grpc:") else result


@pytest.fixture(scope="module")
def counted() -> tuple[Raw, dict[str, dict[int, dict[str, Cell]]]]:
    """The raw values by rollout, cohort and second; and the panes that came out at the other end."""
    rng, raw, joins = random.Random(20260101), defaultdict(list), dict[str, Join]()
    chunkers = [Chunker(SourcePartition("events", partition)) for partition in range(3)]
    offsets = Counter[int]()
    supply, journal = list(lines(rng)), []
    while supply:
        batch, supply = supply[: (size := rng.randint(1, 900))], supply[size:]
        partition = rng.randrange(3)
        records = []
        for value in batch:
            (event,) = decoder().decode(value).events
            written = orjson.loads(value)
            second = written["ts"] // 1_000 * 1_000
            raw[written["rollout"], written["cohort"], second].append((result_of(written), written["latency_ms"]))
            records.append(SourceRecord(offsets[partition], event.ts_ms, [event]))
            offsets[partition] += 1
        chunkers[partition].count_records(records)
        if rng.random() < 0.5:
            journal += [encode(partial) for partial in chunkers[partition].flush().partials]
    for chunker in chunkers:
        journal += [encode(partial) for partial in chunker.flush().partials]
    for value in journal:
        partial = decode(value)
        assert isinstance(partial, Partial)
        joins.setdefault(partial.rollout, Join()).apply(partial)
    panes = {
        rollout: {start: join.close(start, start + CELL_MS).cells for start in range(T0, T0 + SECONDS * 1_000, CELL_MS)}
        for rollout, join in joins.items()
    }
    assert all(join.next_cell() is None for join in joins.values())
    return raw, panes


def test_counts_of_every_pane_are_exact(counted: tuple[Raw, dict[str, dict[int, dict[str, Cell]]]]) -> None:
    """Per rollout, cohort, second and class of outcome: every event, none twice."""
    raw, panes = counted
    found = {
        (rollout, cohort, start): cell.counts
        for rollout, starts in panes.items()
        for start, cells in starts.items()
        for cohort, cell in cells.items()
    }
    words = {key: Counter(word_of(result) for result, _ in seen) for key, seen in raw.items()}
    expected = {key: tuple(found[word] for word in CLASSES) for key, found in words.items()}
    assert found == expected
    assert sum(map(sum, found.values())) == EVENTS


def test_percentiles_of_every_pane_are_within_one_percent(
    counted: tuple[Raw, dict[str, dict[int, dict[str, Cell]]]],
) -> None:
    """p50, p95 and p99 of every pane against numpy's on the raw latencies."""
    raw, panes = counted
    for (rollout, cohort, start), seen in raw.items():
        cell = panes[rollout][start][cohort]
        expected = np.quantile([latency for _, latency in seen], QUANTILES)
        assert [cell.latency.quantile(q) for q in QUANTILES] == pytest.approx(expected.tolist(), rel=0.01)


@pytest.mark.parametrize("length", WINDOWS)
@pytest.mark.parametrize(("rollout", "cohort"), list(MIX))
def test_every_window_is_right(
    counted: tuple[Raw, dict[str, dict[int, dict[str, Cell]]]], rollout: str, cohort: str, length: int
) -> None:
    """Sliding windows, at every pane: requests and errors exact, percentiles within 1 % of numpy's."""
    raw, panes = counted
    window = CohortWindow(length)
    for start, cells in panes[rollout].items():
        end = start + CELL_MS
        window.push(start, end, cells.get(cohort, Cell()))
        inside = [
            event for at in range(max(T0, end - length), end, CELL_MS) for event in raw.get((rollout, cohort, at), [])
        ]
        assert (window.start, window.end) == (end - length, end)
        assert window.requests == len(inside)
        for errors in ERRORS:
            assert window.errors(errors) == sum(bool({one, word_of(one)} & set(errors)) for one, _ in inside)
        if inside:
            expected = np.quantile([latency for _, latency in inside], QUANTILES)
            found = [window.latency().quantile(q) for q in QUANTILES]
            assert found == pytest.approx(expected.tolist(), rel=0.01)
            slow = window.latency().at_or_above(bucket_at(800.0) + 1)
            assert slow == pytest.approx(sum(latency > 800.0 for _, latency in inside), rel=0.2, abs=3)
