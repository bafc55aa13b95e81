"""Dispersion by halves: how much the errors of two halves of the baseline differ, beyond what chance explains.

The baseline is split at random into two halves that differ in nothing, so their errors should differ only as a
binomial split does. The dispersion phi is by how much more they do: 1 for independent errors, about the size of the
clusters where errors come in clusters (retries, sessions that fail as a whole). Blocks of some seconds catch clusters
that are spread over time.

The split must go by what the router assigns cohorts by (the user, the session): a cluster then falls into one half, as
it falls into one cohort. A coin for each event tears clusters apart, and phi is 1 however clustered the errors are.

The estimate is Pearson's dispersion statistic (McCullagh and Nelder: Generalized Linear Models, 1989, section 4.5),
times a margin.
"""

from __future__ import annotations

from dataclasses import dataclass

MARGIN = 1.2
"""What an estimate of phi is multiplied by: one too low makes false rollbacks, one too high only costs time."""


@dataclass(frozen=True, slots=True)
class HalfCounts:
    """Errors and requests of the two halves of the baseline in one block of time."""

    errors_1: int
    errors_2: int
    requests_1: int
    requests_2: int


@dataclass(slots=True)
class HalvesDispersion:
    """The dispersion phi of a cohort's errors, from an A/A split of it.

    For each block with s errors of which s_1 in the first half, which had the share w of the requests:
    phi = max(1, 1.2 sum (s_1 - s w)^2 / sum s w (1 - w)). `blocks` is how many blocks count so far.

    >>> dispersion = HalvesDispersion()
    >>> for _ in range(15):
    ...     dispersion.update(HalfCounts(32, 18, 5_000, 5_000))
    ...     dispersion.update(HalfCounts(18, 32, 5_000, 5_000))
    >>> round(dispersion.get(), 6)
    4.704
    >>> HalvesDispersion().get() is None
    True
    """

    blocks: int = 0
    squares: float = 0.0
    variance: float = 0.0

    def update(self, counts: HalfCounts) -> None:
        """Take in one block; one without errors, or with an empty half, does not count."""
        errors = counts.errors_1 + counts.errors_2
        if not (errors and counts.requests_1 and counts.requests_2):
            return
        share = counts.requests_1 / (counts.requests_1 + counts.requests_2)
        self.blocks += 1
        self.squares += (counts.errors_1 - errors * share) ** 2
        self.variance += errors * share * (1.0 - share)

    def get(self) -> float | None:
        """phi, at least 1 and with the margin; None before the first block that counts."""
        return max(1.0, MARGIN * self.squares / self.variance) if self.blocks else None

    def dump(self) -> tuple[int, float, float]:
        """State for a snapshot; `load` continues from it bit for bit."""
        return self.blocks, self.squares, self.variance

    def load(self, state: tuple[int, float, float]) -> None:
        """Continue from what `dump` returned."""
        self.blocks, self.squares, self.variance = state
