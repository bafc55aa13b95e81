"""The router's choices and counts: which cohort serves the next request, and how each was answered. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from random import Random

SERVER_ERROR = 500


@dataclass(slots=True)
class CohortCounts:
    """One cohort's traffic since the router started."""

    requests: int = 0
    errors: int = 0


@dataclass(slots=True)
class RouterReport:
    """The router's counts; times are wall-clock milliseconds, None if it has not happened.

    `first_bad_at`: the first answer of the candidate that the scenario's fault affected. `zero_at`: since when the
    candidate's weight is zero. `last_forwarded_at`, `last_answer_at`: the candidate's last request and answer.
    """

    tallies: dict[str, CohortCounts] = field(default_factory=dict)
    first_bad_at: int | None = None
    zero_at: int | None = None
    last_forwarded_at: int | None = None
    last_answer_at: int | None = None
    events_dropped: int = 0

    def document(self) -> dict[str, object]:
        """The report as JSON values."""
        return asdict(self)


class Routing:
    """Chooses one of two cohorts for each request, by weight, and counts the answers.

    Before the first order the baseline has all traffic. The same `random` gives the same choices.

    >>> routing = Routing("stable", "canary", Random(1))
    >>> routing.choose(), routing.apply({"stable": 0, "canary": 100}, now=5), routing.choose()
    ('stable', {'stable': 0.0, 'canary': 100.0}, 'canary')
    """

    def __init__(self, baseline: str, candidate: str, random: Random) -> None:
        self.baseline, self.candidate = baseline, candidate
        self.report = RouterReport({baseline: CohortCounts(), candidate: CohortCounts()})
        self._share = 0.0  # the candidate's, 0 to 1
        self._random = random

    @property
    def weights(self) -> dict[str, float]:
        """Weights in per cent by cohort, as used for the next request."""
        candidate = round(self._share * 100.0, 6)
        return {self.baseline: round(100.0 - candidate, 6), self.candidate: candidate}

    def apply(self, weights: Mapping[str, float], now: int) -> dict[str, float]:
        """Use these weights from the next request on; returns the weights in use.

        Raises:
            ValueError: they name other cohorts than the two served here.
        """
        if set(weights) != {self.baseline, self.candidate}:
            raise ValueError(f"this router serves {self.baseline} and {self.candidate}, not {', '.join(weights)}")
        before, self._share = self._share, weights[self.candidate] / 100.0
        if self._share > 0.0:
            self.report.zero_at = None
        elif before > 0.0:
            self.report.zero_at = now
        return self.weights

    def choose(self) -> str:
        """The cohort that serves the next request."""
        return self.candidate if self._random.random() < self._share else self.baseline

    def count_request(self, cohort: str, now: int) -> None:
        """Count a request that is sent to this cohort."""
        if cohort == self.candidate:
            self.report.last_forwarded_at = now

    def count_answer(self, cohort: str, status: int, now: int, *, faulty: bool) -> None:
        """Count an answer; `faulty` if the scenario's fault affected it."""
        counts = self.report.tallies[cohort]
        counts.requests += 1
        counts.errors += status >= SERVER_ERROR
        if cohort == self.candidate:
            self.report.last_answer_at = now
            if faulty and self.report.first_bad_at is None:
                self.report.first_bad_at = now


def request_event(
    request_id: str, rollout: str, cohort: str, status: int, latency_ms: float, now: int
) -> dict[str, object]:
    """The request event (native format) of a request that was answered at `now`.

    >>> request_event("r1", "checkout-v2", "canary", 200, 12.3456789, 1767225600123)["latency_ms"]
    12.346
    """
    return {
        "ts": now,
        "id": request_id,
        "rollout": rollout,
        "cohort": cohort,
        "status": status,
        "latency_ms": round(latency_ms, 3),
        "service": "checkout",
        "route": "/checkout",
    }
