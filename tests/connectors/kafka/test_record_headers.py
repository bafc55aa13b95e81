"""Headers are counted before objects are made of them, exactly as aiokafka reads them."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatch

from connectors.kafka import record_headers
from connectors.kafka.record_headers import MOST_HEADERS, TooManyHeadersError, counted
from tests.bombs import a_record, number, of_records

EVENT = b'{"ts":1767225600000,"rollout":"checkout-v2","cohort":"canary","status":200}'


@pytest.fixture(autouse=True)
def small_batches_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the batches of these tests be small."""
    monkeypatch.setattr(record_headers, "NEVER_COUNTED", 64)


def read(records: bytes, count: int = 1) -> list[Any]:
    """Return the records that are read, each before the next is checked."""
    return list(counted(records, iter(DefaultRecordBatch(of_records(records, count)))))


def test_records_of_all_shapes_are_read() -> None:
    """Without and with headers, with long values, and with neither key nor value."""
    shapes = [
        a_record(0),
        a_record(1, 3, header=b"\x02a\x02b"),
        a_record(2, 1_000),
        a_record(3, value=EVENT * 900),
        number(6) + b"\x00\x00\x08\x01\x01\x00",
    ]
    found = read(b"".join(shapes), 5)
    assert [len(record.headers) for record in found] == [0, 3, 1_000, 0, 0]
    assert (found[3].value, found[4].key, found[4].value) == (EVENT * 900, None, None)


@pytest.mark.parametrize("more", [0, 500])
def test_a_record_with_too_many_headers_is_not_made(more: int) -> None:
    """The records before it are read; whatever size it claims to have."""
    data = a_record(0, value=EVENT) + a_record(1, 1_001, more=more)
    records = counted(data, iter(DefaultRecordBatch(of_records(data, 2))))
    assert next(records).value == EVENT
    with pytest.raises(TooManyHeadersError, match="1,001 headers, and 1,000 are allowed"):
        next(records)


def test_a_batch_has_few_headers_for_its_bytes() -> None:
    """Many records with as many as one may have would be as bad."""
    with pytest.raises(TooManyHeadersError):
        read(b"".join(a_record(at, MOST_HEADERS) for at in range(3)), 3)


def test_text_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its records are read without a second look, and so is every small batch; a large one if no record is long."""
    records: Iterator[Any] = iter([])
    monkeypatch.setattr(record_headers, "NEVER_COUNTED", 1_000_000)
    assert counted(a_record(0, 1_001), records) is records
    monkeypatch.setattr(record_headers, "NEVER_COUNTED", 0)
    data = b"".join(a_record(at, value=EVENT * (1 + at % 3 * 100)) for at in range(100))
    assert counted(data, records) is records
    monkeypatch.setattr(record_headers, "MEASURED", 1_000)
    assert counted(data, records) is records
    monkeypatch.setattr(record_headers, "LONG_RECORD", 10_000)
    assert counted(data, records) is not records
    assert len(read(data, 100)) == 100


def test_very_many_tiny_records_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """They would take their time one by one; the first ones are read."""
    monkeypatch.setattr(record_headers, "MOST_RECORDS", 20)
    data = b"".join(map(a_record, range(21)))
    records = counted(data, iter(DefaultRecordBatch(of_records(data, 21))))
    assert [next(records).offset for _ in range(20)] == [*range(20)]
    with pytest.raises(TooManyHeadersError, match="more than 20 records of few bytes before it"):
        next(records)


@pytest.mark.parametrize("end", [b"\x01", b"\xff" * 30, b"\x80"])
def test_what_is_not_what_it_seems_is_looked_at(end: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A size below zero, one without an end."""
    monkeypatch.setattr(record_headers, "NEVER_COUNTED", 0)
    monkeypatch.setattr(record_headers, "MEASURED", 0)
    records: Iterator[Any] = iter([])
    assert counted(a_record(0, value=EVENT) + end, records) is not records


def test_what_is_no_record_is_an_error() -> None:
    """A number without an end, or data that end in a record."""
    for data in (b"\xff" * 100, a_record(0, 5)[:8]):
        with pytest.raises((ValueError, IndexError)):
            next(record_headers._count(data))


def both(data: bytes, count: int) -> tuple[list[int], str]:
    """Return the headers of each record, and what ended reading them; fail where aiokafka made more than allowed."""
    found: list[int] = []
    try:
        for record in counted(data, iter(DefaultRecordBatch(of_records(data, count)))):
            found.append(len(record.headers))
            assert found[-1] <= MOST_HEADERS
    except Exception as error:
        return found, type(error).__name__
    return found, ""


def damaged() -> Iterator[tuple[bytes, int]]:
    """Yield records of which some bytes are others."""
    rng = random.Random(4)
    for _ in range(3_000):
        count = rng.randrange(1, 6)
        data = bytearray(b"".join(a_record(at, rng.choice((0, 1, 990, 1_010))) for at in range(count)))
        for _ in range(rng.randrange(3)):
            data[rng.randrange(min(len(data), 30))] = rng.choice((0, 1, 2, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        yield bytes(data), count


def test_damaged_records_never_get_past_it() -> None:
    """The numbers are read as aiokafka reads them, so a record with too many headers is always noticed."""
    ends = [both(data, count)[1] for data, count in damaged()]
    assert {"", "TooManyHeadersError"} < set(ends)


BOUNDED = """
import resource, sys
from connectors.kafka.bounded_batches import bound_batches
from tests.bombs import a_record, of_records
from tests.connectors.kafka.test_bounded_batches import a_fetch
log = of_records(a_record(0, 16_000_000))
bound_batches()
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 200 * 1_048_576,) * 2)
fetch, state = a_fetch(log)
(instead,) = fetch.getall()
assert b"oversized_batch" in instead.value and state.position == 1
print("went on after", len(log), "bytes")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and a limit of memory")
def test_millions_of_headers_are_skipped_in_little_memory() -> None:
    """In 3 KB, with 200 MiB of memory left: the consumer goes on after it."""
    ended = subprocess.run([sys.executable, "-c", BOUNDED], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout.split()[3]) < 10_000
