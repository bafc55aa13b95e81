"""Fixtures that every suite may use: the brokers."""

import contextlib
from collections.abc import Iterator

import pytest
from hypothesis import settings

from streams.demo.embedded_broker import EmbeddedBroker
from tests.brokers import KafkaUnavailableError, MavenKafka, real_kafka, skip_or_fail

settings.register_profile("shared", deadline=None)  # nothing is judged by the time it takes on a machine of many
settings.load_profile("shared")


@pytest.fixture(scope="session")
def embedded_broker() -> Iterator[str]:
    """Bootstrap address of the embedded broker: in memory, shared by the session, so use topic names of your own."""
    with EmbeddedBroker() as broker:
        yield broker.bootstrap


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[str]:
    """Bootstrap address of an Apache Kafka 4 shared by the session; without one: a skip, but in CI a failure."""
    with contextlib.ExitStack() as running:
        try:
            bootstrap = running.enter_context(real_kafka())
        except KafkaUnavailableError as missing:
            skip_or_fail(missing)
        yield bootstrap


@pytest.fixture
def own_kafka() -> Iterator[MavenKafka]:
    """Give an Apache Kafka 4 of the test's own, started, to kill and restart; unavailable as for `kafka_broker`."""
    with contextlib.ExitStack() as running:
        try:
            kafka = running.enter_context(MavenKafka())
        except KafkaUnavailableError as missing:
            skip_or_fail(missing)
        yield kafka


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def broker(request: pytest.FixtureRequest) -> str:
    """Bootstrap address of each kind of broker in turn, so that one test holds for both."""
    bootstrap: str = request.getfixturevalue(f"{request.param}_broker")
    return bootstrap
