"""The machine that was measured on, and the versions of what was measured."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from benchmarks.ingest import java
from benchmarks.ingest.trial import ROOT
from tests.brokers import KAFKA_VERSION, KafkaUnavailableError, find_java

OURS = ("sluicegate", "aiokafka", "faust-streaming", "msgspec", "numpy", "orjson")
PEERS = ("bytewax", "confluent-kafka", "quixstreams")

_ASK = """
import json, sys
from importlib import metadata
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


def machine() -> dict[str, str]:
    """The processor, its number of cores, the load average before the run, kernel, Python and Java."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "load": f"{os.getloadavg()[0]:.2f}",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "java": _java(),
    }


def versions(*, own_broker: bool) -> dict[str, str]:
    """The versions of everything that takes part, without packages that are not installed."""
    python = ROOT / ".venv-bench" / "bin" / "python"
    found = _installed(sys.executable, OURS)
    found |= _installed(str(python) if python.exists() else sys.executable, PEERS)
    return {"kafka": KAFKA_VERSION if own_broker else "unknown"} | found | java.versions()


def _processor() -> str:
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _java() -> str:
    try:
        version = subprocess.run([find_java(), "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603
    except KafkaUnavailableError:
        return "none"
    return version.splitlines()[0]


def _installed(python: str, packages: tuple[str, ...]) -> dict[str, str]:
    run = subprocess.run([python, "-c", _ASK, *packages], capture_output=True, text=True, check=True)  # noqa: S603
    found: dict[str, str] = json.loads(run.stdout)
    return found
