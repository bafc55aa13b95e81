"""Faults under load for some minutes, with a table of memory, handles and lag: `python -m tests.faults.soak 30`.

At the end everything that holds after one fault must hold after all of them.
"""

import argparse
import asyncio
import contextlib
import signal
import time
from pathlib import Path

from tests.brokers import MavenKafka
from tests.faults.post import Post
from tests.faults.times import now_ms
from tests.faults.trial import Trial

ROW_SECONDS = 30.0
FAULT_SECONDS = 20.0
HEADINGS = ("minutes", "events", "deaths", "rss MB", "handles", "ingest lag", "journal lag", "judged after s")


def row(trial: Trial, posts: list[Post], began: float, recovery: float) -> list[str]:
    """One line of the table; memory and handles are the largest of any worker."""
    memory, handles, lag = [0], [0], {"ingest": 0.0, "journal": 0.0}
    for post in posts:
        process = Path(f"/proc/{post.worker.process.pid}")
        with contextlib.suppress(OSError):
            memory.append(int((process / "statm").read_text().split()[1]) * 4096)
            handles.append(len(list((process / "fd").iterdir())))
            for line in post.worker.get("/metrics").splitlines():
                for role in lag:
                    if line.startswith(f"sluicegate_{role}_lag_records{{"):
                        lag[role] += float(line.rsplit(" ", 1)[1])
    minutes = (time.monotonic() - began) / 60
    figures = (max(memory) / 1_048_576, max(handles), lag["ingest"], lag["journal"])
    return [
        f"{minutes:.1f}",
        str(trial.sent),
        str(len(trial.exits)),
        *[f"{figure:.0f}" for figure in figures],
        f"{recovery:.1f}",
    ]


async def soak(bootstrap: str, minutes: float) -> None:
    """Load and faults for this many minutes, and then the checks."""
    began = time.monotonic()
    show(HEADINGS)
    async with Trial(bootstrap, 1, bake="24h") as trial:
        posts = await trial.begin((), ("ingest",), ("judge",))
        shown = began
        while time.monotonic() - began < minutes * 60:
            await asyncio.sleep(trial.rng.uniform(0.5, 1.5) * FAULT_SECONDS)
            post, since = trial.rng.choice(posts), now_ms()
            if trial.rng.random() < 0.5:
                post.signal(signal.SIGKILL)
            else:
                post.signal(signal.SIGSTOP)
                await asyncio.sleep(trial.rng.uniform(0.5, 5))
                post.signal(signal.SIGCONT)
            recovery = await trial.judged_past(since)
            if time.monotonic() - shown >= ROW_SECONDS:
                shown = time.monotonic()
                show(await asyncio.to_thread(row, trial, posts, began, recovery))
        await trial.holds()
    print("nothing lost, nothing counted twice")  # noqa: T201


def show(cells: list[str] | tuple[str, ...]) -> None:
    """Print a line of the table."""
    print("  ".join(f"{cell:>14}" for cell in cells), flush=True)  # noqa: T201


def main() -> None:
    """Run it on a broker of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("minutes", type=float, nargs="?", default=30.0)
    minutes = parser.parse_args().minutes
    with MavenKafka() as kafka:
        asyncio.run(soak(kafka.bootstrap, minutes))


if __name__ == "__main__":
    main()
