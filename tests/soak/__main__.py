"""Everything of this folder for an hour: `python -m tests.soak`; with `--minutes 5` all of it in five minutes.

Workers are killed and suspended, partitions are added, topics are compacted, the broker moves, keys are rotated, and
pairs of canaries run. At the end of each stage everything that holds after one fault must hold after all of them.
"""

import argparse
import asyncio
import logging
import random
import tempfile
from pathlib import Path

from streams.demo.embedded_broker import LOOPBACK, port_is_free
from tests.brokers import MavenKafka
from tests.faults.trial import Trial
from tests.soak.compaction import CLEANER
from tests.soak.run import Soak
from tests.soak.schedule import WHEN, Kind, plan

FIXED_PORTS = range(20_000, 32_000)
"""Below those that the system gives to connections: a place must still be free when the broker moves there."""


def places(rng: random.Random) -> list[str]:
    """Addresses for the broker to move to."""
    free = (port for port in rng.sample(FIXED_PORTS, 100) if port_is_free(port))
    return [f"{LOOPBACK}:{next(free)}" for _ in WHEN[Kind.MOVE]]


async def soak(kafka: MavenKafka, minutes: float, seed: int) -> None:
    """A run of this many minutes on a broker that is started."""
    addresses = [kafka.bootstrap, *places(random.Random(seed))]
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        async with Trial(",".join(addresses), seed, bake="24h") as trial:
            run = Soak(kafka, addresses, trial, minutes, Path(folder))
            await run.begin()
            try:
                await run.follow(plan(minutes, random.Random(seed)))
            finally:
                await run.end()
    print("nothing lost, nothing counted twice, and nothing has grown")  # noqa: T201


def main() -> None:
    """Run it on a broker of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    logging.disable(logging.ERROR)  # the test's own clients report two of the three addresses as dead
    with MavenKafka(properties=CLEANER) as kafka:
        asyncio.run(soak(kafka, given.minutes, given.seed))


if __name__ == "__main__":
    main()
