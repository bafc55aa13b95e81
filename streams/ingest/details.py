"""The details of a cell beyond outcomes and latencies, while it grows. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b

from connectors.decoders import RequestEvent
from gates.groups import FAILED, GROUPS, SUCCEEDED, halves_of, key_of
from gates.panes import MOST_EMITTERS, Detail, smallest
from gates.stats.value_counts import ValueCounts, bucket_of
from streams.ingest.cells import OUTCOME_OF_SLOT

MOST_METRICS = 16
"""Names of metrics that one cell of a chunk holds; the values of further names are dropped."""

_ENDING = {None: 0, False: 1, True: 2}
"""By `success`: how a request's transaction ended. Requests count by slot, ending and group at once, since a second
count for each event would cost more than taking them apart in each version."""


def _by_group(requests: Mapping[int, int]) -> dict[int, int]:
    """The counts as `gates.groups` has them."""
    found: defaultdict[int, int] = defaultdict(int)
    for place, number in requests.items():
        ended, group = divmod(place, GROUPS)
        within, ending = divmod(ended, 3)
        found[key_of(OUTCOME_OF_SLOT[within], group)] += number
        if ending:
            found[key_of(FAILED if ending == 1 else SUCCEEDED, group)] += number
    return dict(sorted(found.items()))


@lru_cache(maxsize=1 << 16)
def hash32(name: str) -> int:
    """A 32-bit hash of a user or an emitter, the same on every machine.

    The lowest bits are the group (`gates.groups`), and the lowest one which half of the users a user is in. A cell's
    sample is the smallest hashes, which the highest bits decide, so the sample draws from all groups alike.

    >>> hash32("ann"), hash32("")
    (3483897541, 2126126744)
    """
    return int.from_bytes(blake2b(name.encode(), digest_size=4, key=b"sluicegate").digest(), "big")


class DetailSums:
    """Transactions, users, metrics and emitters of one cell, added event by event; and its events that are missing."""

    __slots__ = (
        "_emitter_requests",
        "_emitters",
        "_failed",
        "_metrics",
        "_succeeded",
        "_user_requests",
        "_users",
        "clamped",
        "unreadable",
    )

    def __init__(self) -> None:
        self.unreadable = self.clamped = 0
        self._succeeded = self._failed = 0
        self._users: set[int] = set()
        self._user_requests: Counter[int] = Counter()
        self._metrics: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self._emitters: set[int] = set()
        self._emitter_requests: Counter[int] = Counter()

    def add_heartbeat(self, emitter: str) -> None:
        """Count an instance that reports, and no request of it."""
        self._emitters.add(hash32(emitter))

    def add_emitter(self, emitter: str, within: int, success: bool | None, requests: int) -> None:
        """Count an instance that reports this many requests, with this success, `within` which slot of its cell."""
        known = hash32(emitter)
        self._emitters.add(known)
        self._emitter_requests[(within * 3 + _ENDING[success]) * GROUPS + known % GROUPS] += requests

    def add_request(self, event: RequestEvent, within: int) -> int:
        """Count a request, `within` which slot of its cell; returns the number of its metrics that were dropped."""
        if event.success is not None:
            self._succeeded += event.success
            self._failed += not event.success
        if event.user:
            user = hash32(event.user)
            self._users.add(user)
            self._user_requests[(within * 3 + _ENDING[event.success]) * GROUPS + user % GROUPS] += 1
        return self._add_metrics(event.metrics) if event.metrics else 0

    def _add_metrics(self, values: Mapping[str, float]) -> int:
        dropped = 0
        for name, value in values.items():
            if name in self._metrics or len(self._metrics) < MOST_METRICS:
                self._metrics[name][bucket_of(value)] += 1
            else:
                dropped += 1
        return dropped

    def get(self) -> Detail:
        """The sums as they are now."""
        users, emitters = smallest(self._users), smallest(self._emitters, MOST_EMITTERS)
        self._users, self._emitters = set(users), set(emitters)  # larger hashes can never return to the sample
        user_groups = _by_group(self._user_requests)
        halves, statuses = halves_of(user_groups)
        return Detail(
            succeeded=self._succeeded,
            failed=self._failed,
            users=users,
            halves=halves,
            metrics={name: ValueCounts.from_counter(self._metrics[name]) for name in sorted(self._metrics)},
            emitters=emitters,
            statuses=statuses,
            user_groups=user_groups,
            emitter_groups=_by_group(self._emitter_requests),
        )
