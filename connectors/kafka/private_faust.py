"""The only module that uses private parts of Faust, limited to the versions it was checked with.

With another version `check_version` fails at the start with a clear message: a wrong guess about Faust's consumer would
let a stuck worker look healthy. `tests/connectors/kafka/test_private_faust.py` is the contract: run it with a new
version before adding that version to `CHECKED`.
"""

from __future__ import annotations

from functools import cache, wraps
from typing import Any, Final, cast

import faust
from aiokafka import AIOKafkaConsumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread

CHECKED: Final = ("0.15.",)
"""The versions of faust-streaming that the private parts were checked with."""


class FaustVersionError(RuntimeError):
    """The installed Faust is not one that was checked."""


class FolderlessApp(faust.App):
    """A Faust app that creates no folders: ours has no tables, and its file system may be read-only."""

    def _create_directories(self) -> None:
        """Create nothing; Faust would create its `datadir` and two folders in it."""


def check_version() -> None:
    """Return if the installed Faust was checked.

    Raises:
        FaustVersionError: it was not.
    """
    if not faust.__version__.startswith(CHECKED):
        wanted = " or ".join(f"{version}x" for version in CHECKED)
        raise FaustVersionError(f"faust-streaming {faust.__version__} is not supported: install {wanted}")


def aiokafka_consumer_of(app: faust.App) -> AIOKafkaConsumer:
    """The aiokafka consumer inside the started consumer of an app; it belongs to another thread, so only read it."""
    consumer: Any = app.consumer
    return consumer._thread._ensure_consumer()


def committed_offset_of(app: faust.App, partition: Any) -> int | None:
    """The offset that the app has last committed for a partition; None before the first commit."""
    consumer: Any = app.consumer
    return cast("int | None", consumer._committed_offset[partition])


def has_unfinished(app: faust.App, partition: Any) -> bool:
    """Whether an agent has a message of a partition that it has not finished, or one is read and not committed yet."""
    consumer: Any = app.consumer
    if any(message.tp == partition for message in list(consumer._unacked_messages)):
        return True
    # Faust begins with what is committed as the offset read, and then has that of the last message.
    read, committed = consumer._read_offset[partition], consumer._committed_offset[partition]
    return read is not None and (committed is None or committed < read)


@cache
def read_committed_only() -> None:
    """Make the consumers of Faust's apps skip messages of transactions that were aborted, and wait for open ones.

    Faust does so only for apps that write in transactions themselves, which ours do not.
    """
    create: Any = AIOKafkaConsumerThread._create_worker_consumer

    @wraps(create)
    def committed(thread: Any, transport: Any) -> AIOKafkaConsumer:
        consumer = create(thread, transport)
        consumer._isolation_level = "read_committed"
        return consumer

    AIOKafkaConsumerThread._create_worker_consumer = committed  # type: ignore[assignment, method-assign]
