"""`sluicegate`, but with a wrong clock, or as another build would be: `altered.py ALTERATION=VALUE... -- ARGUMENTS`.

`skew_ms` moves this process's wall clock; `chunk_offsets` is the size of ingest's chunks.
"""

import sys
import time
from types import SimpleNamespace


def main() -> None:
    """Alter, and run the command."""
    cut = sys.argv.index("--")
    altered = dict(word.split("=") for word in sys.argv[1:cut])
    if skew := altered.get("skew_ms"):
        from streams import clock

        moved = int(skew) * 1_000_000
        vars(clock)["time"] = SimpleNamespace(time_ns=lambda: time.time_ns() + moved, time=time.time)  # noqa: TID251
    if size := altered.get("chunk_offsets"):
        from streams.ingest import cutting

        cutting.CHUNK_OFFSETS = int(size)
    from streams.cli.main import main as sluicegate

    sys.argv = ["sluicegate", *sys.argv[cut + 1 :]]
    sluicegate()


if __name__ == "__main__":
    main()
