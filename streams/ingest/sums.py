"""What a cell is made of while it grows, event by event. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b
from operator import sub

from connectors.decoders import CLASS_INDEX, RequestEvent
from gates.panes import CLASSES, MOST_EMITTERS, NO_DETAIL, NO_HALVES, Detail, smallest
from gates.stats.value_counts import ValueCounts, bucket_of
from streams.journal import CellKey, CellRecord, DetailRecord

KINDS = (*CLASSES, "heartbeat")
"""What an event counts as, in a cell."""

MOST_METRICS = 16
"""Names of metrics that one cell of a chunk holds; the values of further names are dropped."""


@lru_cache(maxsize=1 << 16)
def hash32(name: str) -> int:
    """A 32-bit hash of a user or an emitter, the same on every machine.

    Its lowest bit says which half of the users one is in. A cell's sample is the smallest hashes, which the highest
    bits decide: so the sample is of both halves alike.

    >>> hash32("ann"), hash32("")
    (3483897541, 2126126744)
    """
    return int.from_bytes(blake2b(name.encode(), digest_size=4, key=b"sluicegate").digest(), "big")


class CellSums:
    """One cell of a chunk: sums of its events, in which a cell without details holds nothing for them.

    Whoever counts an event adds to `counts`, by its outcome, and to `buckets` that of its latency.
    """

    __slots__ = ("_detail", "_known", "_record", "_told", "buckets", "counts", "heartbeats")

    def __init__(self) -> None:
        self.counts = [0] * len(CLASSES)
        self.buckets: list[int] = []
        self.heartbeats = 0
        self._detail: _DetailSums | None = None
        self._known: Counter[int] = Counter()
        self._record: CellRecord | None = None
        self._told = [0] * (len(CLASSES) + 1)

    @property
    def changed(self) -> bool:
        """Whether there is more in it than when its record was last made."""
        return self._record is None or bool(self.buckets)

    def report(self, emitter: str) -> None:
        """Take in that this instance is there."""
        self._details().emitters.add(hash32(emitter))

    def detail(self, event: RequestEvent) -> int:
        """Take in what a counted event has beyond outcome and latency; returns how many metrics were dropped."""
        return self._details().add(event)

    def _details(self) -> _DetailSums:
        self._record = None
        if self._detail is None:
            self._detail = _DetailSums()
        return self._detail

    def record(self, key: CellKey) -> CellRecord:
        """The sums as they are now, for the journal; made anew only where there is more than last time."""
        if self._record is None or self.buckets:
            self._known.update(self.buckets)
            self.buckets.clear()
            buckets = sorted(self._known)
            numbers = [self._known[bucket] for bucket in buckets]
            detail = NO_DETAIL if self._detail is None else self._detail.get()
            shown = None if detail == NO_DETAIL else DetailRecord(*detail.dump())
            self._record = CellRecord(*key[:2], tuple(self.counts), buckets, numbers, key[2], shown)
        return self._record

    def news(self) -> Iterator[int]:
        """How many events of each of `KINDS` there are since this was last asked."""
        now = [*self.counts, self.heartbeats]
        before, self._told = self._told, now
        return map(sub, now, before)


class _DetailSums:
    __slots__ = ("emitters", "failed", "halves", "metrics", "succeeded", "users")

    def __init__(self) -> None:
        self.succeeded = self.failed = 0
        self.users: set[int] = set()
        self.halves = list(NO_HALVES)
        self.metrics: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self.emitters: set[int] = set()

    def add(self, event: RequestEvent) -> int:
        if event.success is not None:
            self.succeeded += event.success
            self.failed += not event.success
        if event.user:
            user = hash32(event.user)
            self.users.add(user)
            self.halves[(user & 1) * len(CLASSES) + CLASS_INDEX[event.outcome or event.status]] += 1
        return self._measure(event.metrics) if event.metrics else 0

    def _measure(self, values: Mapping[str, float]) -> int:
        dropped = 0
        for name, value in values.items():
            if name in self.metrics or len(self.metrics) < MOST_METRICS:
                self.metrics[name][bucket_of(value)] += 1
            else:
                dropped += 1
        return dropped

    def get(self) -> Detail:
        users, emitters = smallest(self.users), smallest(self.emitters, MOST_EMITTERS)
        self.users, self.emitters = set(users), set(emitters)  # the others can never be among them again
        return Detail(
            succeeded=self.succeeded,
            failed=self.failed,
            users=users,
            halves=tuple(self.halves),
            metrics={name: ValueCounts.from_counter(self.metrics[name]) for name in sorted(self.metrics)},
            emitters=emitters,
        )
