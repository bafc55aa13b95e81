"""Fixtures of the security suites: one secured broker for all."""

import contextlib
import os
from collections.abc import Iterator

import pytest

from tests.brokers import KafkaUnavailableError, skip_or_fail
from tests.security.secured import SecuredKafka


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset what this machine has set."""
    for name in list(os.environ):
        if name.startswith("SLUICEGATE_") and not name.startswith("SLUICEGATE_TEST"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    """Give a Kafka with TLS, logins and access control; always from Maven, since it needs settings of its own."""
    with contextlib.ExitStack() as running:
        try:
            kafka = SecuredKafka(tmp_path_factory.mktemp("secured"))
            running.enter_context(kafka.broker)
        except KafkaUnavailableError as missing:
            skip_or_fail(missing)
        yield kafka
