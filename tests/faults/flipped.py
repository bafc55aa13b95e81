"""One bit of a broker's log that is another: a batch whose checksum is wrong."""

from pathlib import Path

from tests.brokers import MavenKafka

HEADER = 61
"""Bytes of a batch before its records."""


class Flipped:
    """The last bit of the last batch in a partition's log; `mend` flips it back."""

    def __init__(self, kafka: MavenKafka, topic: str, partition: int) -> None:
        (self._path,) = kafka.folder_of(topic, partition).glob("*.log")
        self._at = _last_byte(self._path)
        self._flip()

    def mend(self) -> None:
        """The batch is as it was."""
        self._flip()

    def _flip(self) -> None:
        with self._path.open("r+b") as log:
            log.seek(self._at)
            (byte,) = log.read(1)
            log.seek(self._at)
            log.write(bytes([byte ^ 1]))


def _last_byte(path: Path) -> int:
    """Where the last whole batch ends. A segment may be longer than its batches."""
    data, at, last = path.read_bytes(), 0, 0
    while at + HEADER < len(data):
        size = int.from_bytes(data[at + 8 : at + 12], "big")
        if size == 0 or at + 12 + size > len(data):
            break
        at += 12 + size
        last = at - 1
    assert last, f"{path} has no batch"
    return last
