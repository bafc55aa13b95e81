"""The demo's worker: `python -m streams.demo.worker --port 6066`; its other settings are SLUICEGATE_ variables."""

from __future__ import annotations

import argparse

from streams.runtime.settings import Settings
from streams.worker.app import serve


def main() -> None:
    """Run a worker until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    serve(Settings(web_port=parser.parse_args().port))


if __name__ == "__main__":
    main()
