"""A peer's task, given as one JSON argument, and the times that it prints at the end. Standard library only."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from typing import NoReturn, Self

WINDOW_MS = 1_000


@dataclass(frozen=True)
class Task:
    """Read `messages` of each partition from the beginning; a message holds `per_message` events."""

    bootstrap: str
    topic: str
    partitions: int
    messages: int
    per_message: int
    output: str  # the topic for results
    group: str  # a name that was not used before
    passes: int = 1  # how many times to read them: in Java only

    @property
    def events(self) -> int:
        """How many events to read."""
        return self.partitions * self.messages * self.per_message

    @classmethod
    def given(cls) -> Self:
        """The task on the command line."""
        return cls(**json.loads(sys.argv[1]))

    def argument(self) -> str:
        """The task as one word of a command line."""
        return json.dumps(asdict(self))


class Stopwatch:
    """Processor time of this process, all threads, and wall time, from the first record to the last.

    A client fetches ahead, so it has done much work before it returns the first record. The plain clients only read, so
    they call `begin` before the client starts, and print no wall time, because most of it is waiting.
    """

    def __init__(self) -> None:
        self._cpu: float | None = None
        self._wall: float | None = None

    def begin(self) -> None:
        """Processor time counts from here."""
        self._cpu = time.process_time()

    def record(self) -> None:
        """The first record has arrived; later calls do nothing."""
        if self._wall is None:
            self._cpu, self._wall = time.process_time(), time.perf_counter()

    def end(self) -> NoReturn:
        """The last record is processed: print the times and exit at once; frameworks take seconds to clean up."""
        wall, cpu = time.perf_counter(), time.process_time()
        assert self._cpu is not None, "the end before the beginning"  # noqa: S101
        took = {"cpu": cpu - self._cpu, "wall": None if self._wall is None else wall - self._wall}
        print(json.dumps(took), flush=True)
        os._exit(0)
