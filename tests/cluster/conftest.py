"""The nodes that all trials of this suite share; each trial leaves all of them running."""

import contextlib
from collections.abc import Iterator

import pytest

from tests.brokers import KafkaUnavailableError, skip_or_fail
from tests.cluster.nodes import Nodes


@pytest.fixture(scope="session")
def nodes() -> Iterator[Nodes]:
    """Give three nodes, always from Maven, since they must be killed; without Java a skip, but in CI a failure."""
    with contextlib.ExitStack() as running:
        try:
            started = running.enter_context(Nodes())
        except KafkaUnavailableError as missing:
            skip_or_fail(missing)
        yield started
