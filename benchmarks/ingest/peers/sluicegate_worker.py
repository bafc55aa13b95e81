"""`sluicegate worker --role ingest`, unchanged, which also prints when it began to read.

Two methods of its consumer are wrapped until they have reported once: the start, from which processor time counts, and
the first records, from which wall time counts.
"""

from __future__ import annotations

import json
import time
from typing import Any

from aiokafka import AIOKafkaConsumer

from streams.cli.main import main


def print_when_it_reads() -> None:
    """Print the two times, in seconds of this process's processor clock and of the machine's monotonic clock."""
    begin, read = AIOKafkaConsumer.start, AIOKafkaConsumer.getmany
    cpu = 0.0

    async def first_start(consumer: AIOKafkaConsumer) -> None:
        nonlocal cpu
        AIOKafkaConsumer.start = begin
        cpu = time.process_time()
        await begin(consumer)

    async def first_getmany(consumer: AIOKafkaConsumer, **options: Any) -> Any:
        found = await read(consumer, **options)
        if found:
            AIOKafkaConsumer.getmany = read
            print(json.dumps({"cpu": cpu, "wall": time.monotonic()}), flush=True)
        return found

    AIOKafkaConsumer.start, AIOKafkaConsumer.getmany = first_start, first_getmany


if __name__ == "__main__":
    print_when_it_reads()
    main()
