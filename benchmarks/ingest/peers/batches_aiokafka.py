"""aiokafka's record batches as lists of values, without an object for each record: the upper limit of this client.

Aborted transactions, control batches and positions within a batch are left out, because these records have none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException

from benchmarks.ingest.peers import raw_aiokafka
from benchmarks.ingest.peers.task import Task


class _Batches(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka is untyped
    def _unpack_records(self) -> Iterator[list[bytes]]:
        records: Any = self._records
        while records.has_next():
            batch = records.next_batch()
            if not batch.validate_crc():
                raise CorruptRecordException
            values = [record.value for record in batch]
            self.next_fetch_offset = batch.next_offset
            yield values


class _FetchResult(fetcher.FetchResult):  # type: ignore[misc]
    def getall(self, max_records: int | None = None) -> list[bytes]:
        batches: list[list[bytes]] = super().getall(max_records)
        return [value for values in batches for value in values]


if __name__ == "__main__":
    fetcher.PartitionRecords, fetcher.FetchResult = _Batches, _FetchResult
    asyncio.run(raw_aiokafka.main(Task.given(), most=None))  # `most` would count batches
