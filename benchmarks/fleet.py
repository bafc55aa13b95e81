"""Many rollouts at once: their policies, and the journal that ingest would write for their traffic."""

from __future__ import annotations

import random
from collections.abc import Iterator

from connectors.decoders import RequestEvent
from gates.policy import Policy
from gates.rules import CURRENT
from streams.cells import SourcePartition
from streams.ingest.chunks import Chunker, SourceRecord
from streams.journal import Ack, Partial, Progress, Record, SourceProgress, Start, Timing

BASELINE, CANDIDATE = "stable", "canary"
WEIGHT = 0.2
SOURCES = 12
FLUSHES_A_SECOND = 4
BEGAN_MS = 1_767_225_600_000
ERROR_RATE = 0.002


def names(rollouts: int) -> list[str]:
    """The names of this many rollouts.

    >>> names(2)
    ['rollout-0000', 'rollout-0001']
    """
    return [f"rollout-{number:04}" for number in range(rollouts)]


def policy(rollout: str) -> Policy:
    """Two cohorts, four checks: two compare and have a limit, one has a limit, one looks at the split."""
    return Policy.parse(
        {
            "schema": "sluicegate.policy/v1",
            "rollout": rollout,
            "cohorts": {"baseline": BASELINE, "candidate": CANDIDATE},
            "stages": [{"name": "fifth", "weight": WEIGHT, "bake": "24h"}],
            "checks": {
                "errors": {"sli": "error_rate", "ratio": 1.25, "limit": "5%", "window": "30s"},
                "p95": {"sli": "latency", "quantile": 0.95, "ratio": 1.25, "limit": "800ms", "window": "1m"},
                "p99": {"sli": "latency", "quantile": 0.99, "limit": "2s", "window": "1m"},
                "split": {"sli": "throughput_share", "window": "1m"},
            },
        }
    )


def orders(rollout: str, at: int) -> tuple[Start, Ack]:
    """The start of a rollout and the ack of its first weights, both at this time (ms since the epoch)."""
    start = Start(
        rollout=rollout, policy=policy(rollout).document(), by="benchmark", at=at, rules=CURRENT, timing=Timing()
    )
    return start, Ack(
        id=f"{rollout}:1:1",
        rollout=rollout,
        epoch=1,
        sequence=1,
        actuator="benchmark",
        status="applied",
        weights={BASELINE: 100 - 100 * WEIGHT, CANDIDATE: 100 * WEIGHT},
        at=at,
    )


class Fleet:
    """Healthy rollouts of `rate` events a second each, spread over `SOURCES` partitions, as ingest reads them.

    Events carry no user, metrics or emitter. The same seed gives the same journal.
    """

    def __init__(self, rollouts: int, rate: float, seed: int = 1) -> None:
        self._names = names(rollouts)
        self._due = rate * rollouts / FLUSHES_A_SECOND
        self._rng = random.Random(seed)  # noqa: S311 - a workload, not a secret
        self._chunkers = [Chunker(SourcePartition("request-events", number)) for number in range(SOURCES)]
        self._offsets = [0] * SOURCES
        self._now = BEGAN_MS

    def opening(self) -> Iterator[Record]:
        """The records that start every rollout, with its weights in force."""
        yield self._progress([SourceProgress(chunker.source, 0, self._now, True) for chunker in self._chunkers])
        for name in self._names:
            yield from orders(name, self._now)

    def flush(self) -> tuple[list[Partial], Progress]:
        """What ingest journals of the next quarter of a second."""
        step_ms = 1_000 // FLUSHES_A_SECOND
        batches: list[list[SourceRecord]] = [[] for _ in range(SOURCES)]
        for number in range(round(self._due)):
            at = self._now + number * step_ms // round(self._due)
            source = self._rng.randrange(SOURCES)
            batches[source].append(SourceRecord(self._offsets[source], at, [self._event(at)]))
            self._offsets[source] += 1
        self._now += step_ms
        partials: list[Partial] = []
        reports: list[SourceProgress] = []
        for chunker, batch in zip(self._chunkers, batches, strict=True):
            chunker.count_records(batch)
            flush = chunker.flush()
            partials += flush.partials
            reports.append(SourceProgress(chunker.source, flush.position or 0, flush.newest or self._now, True))
        return partials, self._progress(reports)

    def _progress(self, reports: list[SourceProgress]) -> Progress:
        return Progress(worker="benchmark", wall=self._now, sources=reports)

    def _event(self, at: int) -> RequestEvent:
        rng = self._rng
        return RequestEvent(
            ts_ms=at,
            rollout=rng.choice(self._names),
            cohort=CANDIDATE if rng.random() < WEIGHT else BASELINE,
            status=500 if rng.random() < ERROR_RATE else 200,
            latency_ms=rng.lognormvariate(3.0, 0.5),
        )
