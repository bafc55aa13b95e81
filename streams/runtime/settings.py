"""A worker's settings, from `SLUICEGATE_*` variables and flags."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import Field, PrivateAttr

from connectors.kafka.clients import KafkaSettings
from streams.journal import Timing
from streams.runtime.web_settings import WebSettings

Role = Literal["ingest", "judge", "sequencer", "audit"]
ROLES: tuple[Role, ...] = ("ingest", "judge", "sequencer", "audit")


WatchdogMs = Annotated[
    int,
    Field(
        ge=3_000,
        description="a worker without headway for this long ends itself; /healthz fails after a third of it",
    ),
]


class ActuatorSettings(KafkaSettings):
    """The settings of a bundled actuator."""

    watchdog_ms: WatchdogMs = 180_000


class Settings(WebSettings, KafkaSettings):
    """A worker's settings; durations are milliseconds."""

    roles: tuple[Role, ...] = Field(ROLES, description='the roles of this worker, as a JSON list: ["ingest", "judge"]')
    worker_id: str = Field(
        default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}",
        description="this worker's name in progress records",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="how much to log")
    session_timeout_ms: int = Field(
        10_000, ge=1_000, description="a worker that sends Kafka no heartbeat for this long loses its partitions"
    )
    watchdog_ms: WatchdogMs = 180_000
    stop_timeout_ms: int = Field(
        25_000, ge=1_000, description="a worker that has not stopped this long after SIGTERM ends itself"
    )
    create_topics: bool = Field(True, description="create the topics that are missing when a worker starts")
    flush_interval_ms: int = Field(250, ge=10, le=10_000, description="how often ingest journals what it counted")
    max_event_bytes: int = Field(1_048_576, ge=1_024, description="a larger event message becomes a dead letter")
    max_future_ms: int = Field(
        60_000,
        ge=0,
        le=3_600_000,
        description="an event further ahead of its record's time gets the record's time",
    )
    out_of_orderness_ms: int = Field(2_000, ge=0, description="how far the watermark is behind the newest event")
    idle_timeout_ms: int = Field(
        5_000,
        ge=100,
        description="a source partition read to its end and silent for this long is left out of the watermark",
    )
    stall_timeout_ms: int = Field(
        30_000,
        ge=1_000,
        description="a source partition without headway for this long is left out of the watermark",
    )
    snapshot_interval_ms: int = Field(5_000, ge=100, description="how often the judge writes snapshots")

    _used: int | None = PrivateAttr(None)

    @property
    def used_partitions(self) -> int | None:
        """How many partitions of the journal are used, the first ones; None for all that there are."""
        return self._used

    def with_journal(self, used: int | None) -> Self:
        """These settings for a worker that uses this number of partitions of the journal, the first ones."""
        settings = self.model_copy()
        settings._used = used
        return settings

    def journal_partitions(self, found: Iterable[int]) -> list[int]:
        """Those of the journal's partitions that are used, in order."""
        return sorted(number for number in found if self._used is None or number < self._used)

    @property
    def timing(self) -> Timing:
        """How event time moves; each start in the journal includes it."""
        return Timing(
            out_of_orderness=self.out_of_orderness_ms,
            idle_timeout=self.idle_timeout_ms,
            stall_timeout=self.stall_timeout_ms,
        )

    @property
    def shared(self) -> dict[str, int]:
        """The settings that must be the same on all workers of a prefix: they decide what is counted and judged."""
        names = ("max_event_bytes", "max_future_ms", "out_of_orderness_ms", "idle_timeout_ms", "stall_timeout_ms")
        return {name: getattr(self, name) for name in names} | {"verify_keys": int(self.verify_keys_file is not None)}

    @property
    def membership(self) -> dict[str, int]:
        """Aiokafka's options for a consumer in a group."""
        return {
            "session_timeout_ms": self.session_timeout_ms,
            "heartbeat_interval_ms": self.session_timeout_ms // 10,
            "fetch_max_wait_ms": 100,
        }

    def group(self, role: Role) -> str:
        """The consumer group of a role."""
        return f"{self.topic_prefix}sluicegate-{role}"
