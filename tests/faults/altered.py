"""`sluicegate`, but with a wrong clock, or as another build would be: `altered.py ALTERATION=VALUE... -- ARGUMENTS`.

`skew_ms` moves this process's wall clock, `skew_file` does so by what the file has at any time; `chunk_offsets` is the
size of ingest's chunks, `memory` a limit of its address space in bytes.
"""

import resource
import sys
import time
from pathlib import Path
from types import SimpleNamespace


def main() -> None:
    """Alter, and run the command."""
    cut = sys.argv.index("--")
    altered = dict(word.split("=") for word in sys.argv[1:cut])
    if {"skew_ms", "skew_file"} & altered.keys():
        from streams import clock

        file, fixed = altered.get("skew_file"), int(altered.get("skew_ms", 0))

        def skewed_ns() -> int:
            skew_ms = int(Path(file).read_text()) if file else fixed
            return time.time_ns() + skew_ms * 1_000_000  # noqa: TID251

        vars(clock)["time"] = SimpleNamespace(time_ns=skewed_ns)
    if memory := altered.get("memory"):
        resource.setrlimit(resource.RLIMIT_AS, (int(memory),) * 2)
    if size := altered.get("chunk_offsets"):
        from streams.ingest import cutting

        cutting.CHUNK_OFFSETS = int(size)
    from streams.cli.main import main as sluicegate

    sys.argv = ["sluicegate", *sys.argv[cut + 1 :]]
    sluicegate()


if __name__ == "__main__":
    main()
