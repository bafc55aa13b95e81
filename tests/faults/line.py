"""A broker that tests reach directly, and workers through a proxy."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from streams.demo.embedded_broker import free_port
from tests.brokers import KafkaUnavailableError, MavenKafka, skip_or_fail
from tests.faults.proxy import Proxy

P = TypeVar("P", bound=Proxy)


@dataclass
class Line(Generic[P]):
    """The broker's own address, and the proxy in front of it."""

    direct: str
    proxy: P

    @property
    def worker(self) -> dict[str, str]:
        """The variables that make a worker go through the proxy."""
        return {"SLUICEGATE_BOOTSTRAP": self.proxy.address}


@asynccontextmanager
async def line_through(kind: type[P]) -> AsyncIterator[Line[P]]:
    """A broker of the test's own, with a proxy of this kind; without Kafka a skip, but in CI a failure."""
    port = free_port()
    try:
        kafka = MavenKafka(listeners={"PROXIED": "PLAINTEXT"}, advertised={"PROXIED": f"127.0.0.1:{port}"})
    except KafkaUnavailableError as missing:
        skip_or_fail(missing)
    try:
        await asyncio.to_thread(kafka.start)
        async with kind(port, int(kafka.addresses["PROXIED"].rpartition(":")[2])) as proxy:
            yield Line(kafka.bootstrap, proxy)
    finally:
        kafka.close()
