"""What the router decides and remembers: who serves the next request, and what became of each. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

SERVER_ERROR = 500


@dataclass(slots=True)
class Tally:
    """One cohort's traffic since the router started."""

    requests: int = 0
    errors: int = 0


@dataclass(slots=True)
class Account:
    """What the router saw; times are wall-clock milliseconds, None before it happened.

    `first_bad_at`: the first answer of the candidate that bore the scenario's fault. `zero_at`: since when no request
    is sent to the candidate any more. `last_forwarded_at`, `last_answer_at`: the candidate's last request and answer.
    """

    tallies: dict[str, Tally] = field(default_factory=dict)
    first_bad_at: int | None = None
    zero_at: int | None = None
    last_forwarded_at: int | None = None
    last_answer_at: int | None = None
    events_dropped: int = 0

    def document(self) -> dict[str, object]:
        """All of it as JSON values."""
        return asdict(self)


class Routing:
    """Sends each request to one of two cohorts by weight, and keeps the account of it.

    Until it is told otherwise the baseline has everything. The same chance gives the same choices.

    >>> routing = Routing("stable", "canary", random.Random(1))
    >>> routing.choose(), routing.apply({"stable": 0, "canary": 100}, now=5), routing.choose()
    ('stable', {'stable': 0.0, 'canary': 100.0}, 'canary')
    """

    def __init__(self, baseline: str, candidate: str, chance: random.Random) -> None:
        self.baseline, self.candidate = baseline, candidate
        self.account = Account({baseline: Tally(), candidate: Tally()})
        self._share = 0.0  # the candidate's, 0 to 1
        self._chance = chance

    @property
    def weights(self) -> dict[str, float]:
        """Per cent of the requests by cohort, as used for the next request."""
        candidate = round(self._share * 100.0, 6)
        return {self.baseline: round(100.0 - candidate, 6), self.candidate: candidate}

    def apply(self, weights: Mapping[str, float], now: int) -> dict[str, float]:
        """Use these weights from the next request on; returns the weights then in use.

        Raises:
            ValueError: they name no candidate, or other cohorts than those served here.
        """
        if set(weights) != {self.baseline, self.candidate}:
            raise ValueError(f"this router serves {self.baseline} and {self.candidate}, not {', '.join(weights)}")
        before, self._share = self._share, weights[self.candidate] / 100.0
        if self._share > 0.0:
            self.account.zero_at = None
        elif before > 0.0:
            self.account.zero_at = now
        return self.weights

    def choose(self) -> str:
        """Who serves the next request."""
        return self.candidate if self._chance.random() < self._share else self.baseline

    def forwarded(self, cohort: str, now: int) -> None:
        """A request goes to this cohort."""
        if cohort == self.candidate:
            self.account.last_forwarded_at = now

    def answered(self, cohort: str, status: int, now: int, *, faulty: bool) -> None:
        """Its answer is there; `faulty` where the scenario's fault had a hand in it."""
        tally = self.account.tallies[cohort]
        tally.requests += 1
        tally.errors += status >= SERVER_ERROR
        if cohort == self.candidate:
            self.account.last_answer_at = now
            if faulty and self.account.first_bad_at is None:
                self.account.first_bad_at = now


def event(request_id: str, rollout: str, cohort: str, status: int, latency_ms: float, now: int) -> dict[str, object]:
    """The request event (native format) of one request that was answered at `now`.

    >>> event("r1", "checkout-v2", "canary", 200, 12.3456789, 1767225600123)["latency_ms"]
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
