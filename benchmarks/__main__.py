"""`python -m benchmarks`: measure all parts on one broker, print the tables, and write results, page and picture."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import logging
import os
import time
import traceback
from collections.abc import Iterator, Sequence

from benchmarks.ingest.trial import MEASURED_CORE, ROOT
from benchmarks.machine import machine, versions
from benchmarks.measure import FULL, SMOKE, Row, Size, kept_off
from benchmarks.results import Results
from benchmarks.table import plain, tables
from tests.brokers import ADDRESS_VARIABLE, MavenKafka

PARTS = ("ingest", "latency", "rollouts", "scale", "memory", "startup")
RESULTS = ROOT / "benchmarks" / "results.json"
PAGE = ROOT / "docs" / "performance.md"
PICTURE = ROOT / "docs" / "performance.svg"


def main() -> int:
    """Run the benchmarks. The exit code is 1 if a part failed; the other parts run all the same."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure every figure that docs/performance.md states."
    )
    parser.add_argument(
        "--smoke", action="store_true", help="run each part once with few events, to see that it works; write nothing"
    )
    parser.add_argument(
        "--only", metavar="PART,...", help=f"run these parts only, of {', '.join(PARTS)}; write nothing"
    )
    parser.add_argument(
        "--bootstrap",
        metavar="HOST:PORT",
        default=os.environ.get(ADDRESS_VARIABLE),
        help="the Kafka to measure on; default: start one",
    )
    given = parser.parse_args()
    chosen = tuple(given.only.split(",")) if given.only else PARTS
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    logging.getLogger("aiokafka").setLevel(
        logging.CRITICAL
    )  # it warns that topics are missing while they are being created
    found, failed = measured(chosen, SMOKE if given.smoke else FULL, given.bootstrap)
    if not given.smoke and not given.only and not failed:
        write(found)
    return 1 if failed else 0


def measured(parts: Sequence[str], size: Size, bootstrap: str | None) -> tuple[Results, list[str]]:
    """The results, printed part by part, and the names of the parts that failed."""
    about, known = machine(), versions(own_broker=bootstrap is None)
    print("\n".join(f"{name}: {value}" for name, value in (about | known).items()), flush=True)
    rows: list[Row] = []
    failed = []
    with broker(bootstrap) as address:
        for part in parts:
            print(f"\n{part}", flush=True)
            began = time.perf_counter()
            try:
                rows += importlib.import_module(f"benchmarks.{part}").run(address, size)
            except Exception:  # one broken part must not cost the results of the others
                traceback.print_exc()
                failed.append(part)
            print(f"\n{part}: {time.perf_counter() - began:.0f} s")
            for table in tables(rows, part):
                print(f"\n{plain(table)}", flush=True)
    return Results(about, known, rows), failed


@contextlib.contextmanager
def broker(bootstrap: str | None) -> Iterator[str]:
    """The address of the broker given, or of one that runs until the block ends."""
    if bootstrap is not None:
        yield bootstrap
    else:
        with contextlib.ExitStack() as running:
            with kept_off(MEASURED_CORE):
                kafka = running.enter_context(MavenKafka())
            yield kafka.bootstrap


def write(found: Results) -> None:
    """Write the results, the tables of docs/performance.md, and its picture."""
    from benchmarks.plot import save_plot  # matplotlib comes with the `bench` extra, which --smoke does not need

    RESULTS.write_text(found.to_json(), encoding="utf-8")
    PAGE.write_text(found.into_page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    save_plot(found.rows, PICTURE)


if __name__ == "__main__":
    raise SystemExit(main())
