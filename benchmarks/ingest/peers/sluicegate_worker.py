"""`sluicegate worker --role ingest`, as it is, which says on standard output when it began to read.

Nothing in it is changed but that two methods of its consumer are called by way of here, until they have told: the start
(from which on processor time counts) and the first records (from which on wall time counts).
"""

from __future__ import annotations

import json
import time
from typing import Any

from aiokafka import AIOKafkaConsumer

from streams.cli.main import main


def tell_when_it_reads() -> None:
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
    tell_when_it_reads()
    main()
