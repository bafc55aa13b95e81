"""Where the demo's processes listen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Addresses:
    """The broker as HOST:PORT, everything else as a URL."""

    bootstrap: str
    worker: str
    baseline: str
    candidate: str
    router: str

    @property
    def metrics(self) -> str:
        """The worker's metrics page."""
        return f"{self.worker}/metrics"

    @property
    def shop(self) -> str:
        """The page that users request from the router."""
        return f"{self.router}/checkout"
