"""Throughput share: whether the candidate gets, and answers, the share of the requests that was ordered."""

from __future__ import annotations

from math import sqrt

from gates.documents.quantities import format_duration
from gates.policy import ThroughputShareCheck
from gates.slis.check import EvidenceView
from gates.slis.windowed import Windowed
from gates.text import count, percent
from gates.verdicts import Measurement, Verdict, VerdictKind

CHANCE = 5.0
"""A share so many standard deviations from the weight is no chance, though one looks once a second."""


class ThroughputShare(Windowed):
    """One `throughput_share` check. At 100 % there is nothing to share: it passes."""

    def __init__(self, name: str, definition: ThroughputShareCheck) -> None:
        super().__init__(name, definition)
        self._tolerance = definition.tolerance

    def verdict(self, view: EvidenceView) -> Verdict:
        """FAIL while the share, of what came since the weights were confirmed, is beyond the tolerance."""
        windows = view.candidate.fresh, view.baseline.fresh
        requests = sum(window.requests for window in windows)
        arms = (Measurement(window.requests, window.requests / requests if requests else None) for window in windows)
        found = self._outcome(view, windows[0].requests, requests)
        return self.made(found, (windows[0].start, windows[0].end), *arms)

    def _outcome(self, view: EvidenceView, own: int, requests: int) -> tuple[VerdictKind, str]:
        figures = f"{count(requests)} requests in {format_duration(view.candidate.window.length_ms)}"
        if view.compared and requests >= view.min_requests:
            share = own / requests
            figures = f"{view.candidate.name} got {percent(share)} of {figures}"
            chance = CHANCE * sqrt(view.weight * (1.0 - view.weight) / requests)
            if abs(share - view.weight) > max(self._tolerance * view.weight, chance):
                return VerdictKind.FAIL, f"{figures}, {percent(view.weight)} ordered"
        if view.broken:
            return VerdictKind.ERROR, "telemetry source broken: nobody reports"
        if not own:
            return VerdictKind.NO_DATA, f"no requests from {view.candidate.name} in the window"
        if not view.compared:
            return VerdictKind.PASS, f"all requests are {view.candidate.name}'s"
        if requests < view.min_requests:
            return VerdictKind.INCONCLUSIVE, f"{count(requests)} of {count(view.min_requests)} requests needed"
        return VerdictKind.PASS, f"{figures}, as ordered"
