"""Request events at a steady rate: `python -m benchmarks.load ADDRESS TOPIC --rate 10000 --rollouts 100 --seconds 30`.

It runs as a separate process. The event time and the record time of every event are the time at which it is handed to
the producer. Some of the rollouts turn bad, each at its own time: from then on all requests of their candidate fail. At
the end it prints when it sent which events, as JSON (`Sent`).
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import time
from collections import deque
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer

from benchmarks.fleet import BASELINE, CANDIDATE, ERROR_RATE, WEIGHT, names
from streams.clock import wall_ms

TICK_S = 0.02
HEADS, TAILS = 20_011, 30_011
"""How many beginnings (rollout and cohort) and ends (status and latency) of events are drawn once and then repeated.
Both are primes, so that every rollout reaches all partitions, with other outcomes each time."""

MOST_UNANSWERED = 500


class Sent(msgspec.Struct):
    """When events were sent, in milliseconds since the epoch; a second is named by its number since the epoch.

    `first` has the first event by partition and second; `last` has, for each rollout that turned bad, the last event by
    second. `events` is the number of events and `seconds` the time that sending took.
    """

    events: int
    seconds: float
    first: dict[int, dict[int, int]]
    last: dict[str, dict[int, int]]


class Load:
    """The events, `spread` over partitions; rollouts 0 to `bad` - 1 turn bad between `begin` and `end` (s)."""

    def __init__(self, rollouts: int, bad: int, begin: float, end: float, seed: int = 1) -> None:
        rng = random.Random(seed)  # noqa: S311 - a workload, not a secret
        known = names(rollouts)
        self._turns = {name: rng.uniform(begin, end) for name in known[:bad]}
        self._heads = [_head(rng.choice(known), rng.random() < WEIGHT) for _ in range(HEADS)]
        self._tails = [_tail(rng.random() < ERROR_RATE, rng.lognormvariate(3.0, 0.5)) for _ in range(TAILS)]
        self.sent = Sent(0, 0.0, {}, {name: {} for name in self._turns})

    def take(self, number: int, elapsed: float, now: int) -> list[bytes]:
        """The next `number` events, all with this time."""
        turned = {name for name, at in self._turns.items() if elapsed >= at}
        second, prefix = now // 1_000, b'{"ts": %d' % now
        out = []
        for at in range(self.sent.events, self.sent.events + number):
            rollout, candidate, head = self._heads[at % HEADS]
            tail = _FAILED if candidate and rollout in turned else self._tails[at % TAILS]
            out.append(prefix + head + tail)
            if rollout in self._turns:
                self.sent.last[rollout][second] = now
        self.sent.events += number
        return out


def _head(rollout: str, candidate: bool) -> tuple[str, bool, bytes]:
    """A rollout, whether the cohort is its candidate, and the bytes of both in an event, after the time."""
    cohort = CANDIDATE if candidate else BASELINE
    return rollout, candidate, b', "rollout": "%s", "cohort": "%s"' % (rollout.encode(), cohort.encode())


def _tail(failed: bool, latency_ms: float) -> bytes:
    """The end of an event: its status and its latency."""
    return b', "status": %d, "latency_ms": %.1f}' % (500 if failed else 200, latency_ms)


_FAILED = _tail(True, 20.0)


async def produce(bootstrap: str, topic: str, load: Load, *, rate: float, seconds: float, partitions: int) -> Sent:
    """Send the load for `seconds`, or until SIGTERM; events that are behind time are sent as soon as possible."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_batch_size=1 << 20) as producer:
        unanswered: deque[Any] = deque()
        began = time.monotonic()
        while (elapsed := time.monotonic() - began) < seconds and not stop.is_set():
            now = wall_ms()
            before = load.sent.events
            events = load.take(round(rate * elapsed) - before, elapsed, now)
            for at in range(min(partitions, len(events))):
                partition = (before + at) % partitions
                load.sent.first.setdefault(partition, {}).setdefault(now // 1_000, now)
                batch = producer.create_batch()
                for value in events[at::partitions]:
                    batch.append(key=None, value=value, timestamp=now)
                unanswered.append(await producer.send_batch(batch, topic, partition=partition))
            while len(unanswered) > MOST_UNANSWERED:
                await unanswered.popleft()
            await asyncio.sleep(max(0.0, TICK_S - (time.monotonic() - began - elapsed)))
        await asyncio.gather(*unanswered)
        load.sent.seconds = time.monotonic() - began
    return load.sent


def main() -> None:
    """Send the events, then print what was sent."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description="Request events at a steady rate.")
    parser.add_argument("bootstrap")
    parser.add_argument("topic")
    parser.add_argument("--rate", type=float, default=1_000.0, help="events a second")
    parser.add_argument("--rollouts", type=int, default=10)
    parser.add_argument("--bad", type=int, default=0, help="how many rollouts turn bad")
    parser.add_argument(
        "--begin", type=float, default=0.0, help="they turn bad after this many seconds at the earliest"
    )
    parser.add_argument("--end", type=float, default=0.0, help="and after this many at the latest")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="how long to send; default: until SIGTERM")
    parser.add_argument("--partitions", type=int, default=12)
    given = parser.parse_args()
    load = Load(given.rollouts, given.bad, given.begin, given.end)
    options = {"rate": given.rate, "seconds": given.seconds, "partitions": given.partitions}
    sent = asyncio.run(produce(given.bootstrap, given.topic, load, **options))
    print(msgspec.json.encode(sent).decode())


if __name__ == "__main__":
    main()
