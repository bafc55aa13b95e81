"""The clock of the trials, how long they wait, and where recovery times are written down."""

import json
import os
import time
from pathlib import Path

PATIENCE = 60.0
SEEDS = range(int(os.environ.get("SLUICEGATE_FAULT_SEEDS", "3")))
"""Seeds of the trials that depend on chance; more of them take longer, and find more."""
TIMES = os.environ.get("SLUICEGATE_FAULT_TIMES")
"""A file to add recovery times to, a JSON object a line."""


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000  # noqa: TID251


def note(fault: str, seconds: float | None = None) -> None:
    """Add a fault to the file that is asked for, with the recovery time if it has one."""
    if TIMES:
        took = None if seconds is None else round(seconds, 2)
        with Path(TIMES).open("a") as file:
            file.write(json.dumps({"fault": fault, "seconds": took}) + "\n")
