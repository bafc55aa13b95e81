"""Which records are orders for an actuator: signed by the gate, and for a rollout that the actuator obeys."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection

from aiokafka import ConsumerRecord
from prometheus_client import Counter

from connectors.actuators.wanted import Wanted, decode
from connectors.signing.signatures import Keyring, SignatureError

REFUSED = Counter(
    "sluicegate_actuator_refused_orders",
    "Orders that are not the gate's, expired, or stale",
    ["topic", "reason"],
)
VOID = {"expired": "expired", "rejected": "stale"}
"""Why an order was not carried out, by the status of its ack. With any other status it was at least tried."""

_log = logging.getLogger(__name__)


class Orders:
    """Reads orders. One with a bad signature is logged and counted, but gets no ack: a forger must not cause messages.

    `rollouts` are those to obey (None: all); `clock` returns milliseconds since the epoch.
    """

    def __init__(self, keys: Keyring, rollouts: Collection[str] | None, clock: Callable[[], int]) -> None:
        self._keys = keys
        self._rollouts = rollouts
        self._clock = clock

    def read(self, record: ConsumerRecord) -> Wanted | None:
        """The order in a record; None if it is not an order, not signed by the gate, or not for us."""
        where = f"{record.topic}[{record.partition}] at offset {record.offset}"
        try:
            verified = self._keys.verify("gate", record.topic, record.value or b"", record.headers, self._clock())
            wanted = decode(verified.value)
        except SignatureError as error:
            REFUSED.labels(record.topic, error.reason).inc()
            _log.warning("refused %s, %s: %s", where, error.reason, error)
            return None
        except ValueError as error:
            _log.warning("skipped %s: %s", where, error)
            return None
        return wanted if self._rollouts is None or wanted.rollout in self._rollouts else None
