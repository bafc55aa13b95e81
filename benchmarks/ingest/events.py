"""The events: about 180 bytes each, the same on each machine except for the time of the first one."""

from __future__ import annotations

import random
from collections.abc import Iterator

from benchmarks.ingest.cases import Case

PER_SECOND = 100_000
"""Events in one second of event time: a busy installation, and about what one core can count."""

_TEXT = (
    '{{"ts":{},"rollout":"{}","cohort":"{}","status":{},"latency_ms":{:.1f},'
    '"id":"{:08x}","service":"{}","route":"/api/v1/orders/items","version":"2.14.{}"}}'
)
_COHORTS = ("baseline", "canary")
_DRAWS = 1 << 14


class Drawn:
    """Outcomes of requests: 1% fail, and latencies are log-normal around 40 ms; the same in each run."""

    def __init__(self) -> None:
        chance = random.Random(20_260_101)  # noqa: S311
        self.statuses = [503 if chance.random() < 0.01 else 200 for _ in range(_DRAWS)]
        self.latencies = [chance.lognormvariate(3.7, 0.6) for _ in range(_DRAWS)]


def partition_events(case: Case, number: int, events: int, begin_ms: int) -> Iterator[tuple[int, bytes, bytes]]:
    """The messages of one partition in order of time, as (timestamp, key, value).

    The pairs alternate message by message. All events of a message are of one pair, because an emitter is one instance
    of one version. The key names the pair, so that peers which count by key need not repartition.
    """
    drawn = Drawn()
    messages = case.messages(events)
    step = 1_000 * case.partitions / PER_SECOND
    for message in range(messages):
        pair = (message + number) % case.pairs
        rollout, cohort = f"checkout-{pair // 2}", _COHORTS[pair % 2]
        first = message * case.per_message
        lines = [
            _TEXT.format(
                begin_ms + int(step * place),
                rollout,
                cohort,
                drawn.statuses[(place + number) % _DRAWS],
                drawn.latencies[(place * 7 + number) % _DRAWS],
                place,
                f"checkout-{pair // 2}",
                pair % 2,
            )
            for place in range(first, first + case.per_message)
        ]
        last_ms = begin_ms + int(step * (first + case.per_message - 1))
        yield last_ms, f"{rollout}/{cohort}".encode(), "\n".join(lines).encode()
