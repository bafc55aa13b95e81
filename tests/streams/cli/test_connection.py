"""What goes wrong with Kafka becomes one line."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from connectors.kafka.clients import KafkaSettings
from connectors.kafka.topic_reader import TopicsMissingError
from streams.cli.connection import check_credentials, run_with_kafka
from streams.cli.failures import Failure

NOWHERE = KafkaSettings(bootstrap="127.0.0.1:1")


async def raising(error: Exception) -> None:
    """Fail with this error."""
    raise error


async def answer() -> int:
    """Return something."""
    return 7


def test_no_broker_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """The line has the address; the client's own log is silent meanwhile, and only then."""
    before = logging.getLogger("aiokafka").level
    with pytest.raises(Failure, match=r"^cannot reach Kafka at 127\.0\.0\.1:1: [^\n]*$"):
        run_with_kafka(NOWHERE, answer())
    assert not caplog.records
    assert logging.getLogger("aiokafka").level == before


def test_a_process_that_waits_is_not_ended_by_silence() -> None:
    """Only a broker that answers can refuse credentials."""
    check_credentials(NOWHERE)


def test_the_result_is_returned(embedded_broker: str) -> None:
    """Where a broker answers."""
    assert run_with_kafka(KafkaSettings(bootstrap=embedded_broker), answer()) == 7


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (lambda: TopicsMissingError("no topic t"), "no topic t: run `sluicegate topics ensure`, or start a worker"),
        (TimeoutError, "did not answer in time"),
        (lambda: TimeoutError("too slow"), "too slow"),
        (KafkaError, "KafkaError"),
    ],
)
def test_each_error_becomes_a_failure(error: Callable[[], Any], line: str, embedded_broker: str) -> None:
    """With what to do about it, where something can be done."""
    with pytest.raises(Failure, match=line):
        run_with_kafka(KafkaSettings(bootstrap=embedded_broker), raising(error()))
