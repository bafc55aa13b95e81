"""Log lines of aiokafka that repeat for as long as a state lasts, and would hide others: each comes now and then."""

from __future__ import annotations

import logging
import time
from typing import Final

ONCE: Final = float("inf")

EVERY_S: Final = {
    "Sending username and password in the clear": ONCE,  # at each login, so with each new connection
    "Topic %s is not authorized for this client": 60.0,  # at each look at the metadata, which is each second then
    "Not authorized to read from topic %s.": 60.0,  # at each fetch
}
"""Seconds between two records that are alike, by the text of their message."""

LOGGERS: Final = ("aiokafka.conn", "aiokafka.cluster", "aiokafka.consumer.fetcher")

_logged_at: dict[tuple[object, ...], float] = {}


def is_due(record: logging.LogRecord) -> bool:
    """Whether to log this record: it is not one that repeats, or is the first with its arguments for a while."""
    every_s = EVERY_S.get(record.msg)
    if every_s is None:
        return True
    place, now = (record.msg, record.args), time.monotonic()
    logged_at = _logged_at.get(place)
    if logged_at is not None and now - logged_at < every_s:
        return False
    _logged_at[place] = now
    return True


def log_now_and_then() -> None:
    """Log these lines of all clients of this process only when they are due."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(is_due)
