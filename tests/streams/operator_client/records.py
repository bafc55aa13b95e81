"""Records of the topics that an operator reads."""

from __future__ import annotations

from aiokafka import ConsumerRecord


def record(
    value: bytes | None, key: bytes = b"", partition: int = 0, timestamp: int = 0
) -> ConsumerRecord[bytes, bytes]:
    """Return a record with this value."""
    return ConsumerRecord("gate-status", partition, 7, timestamp, 0, key, value, None, len(key), len(value or b""), ())
