"""Overdispersion: how much more than independent requests the baseline's errors come in clusters.

The error tests take errors for independent. Retries, or a session that fails as a whole, make them come in clusters,
and then evidence grows too fast: with clusters of 2, a test at 5 % errs in 19 % of rollouts. So the baseline is split
at random into two halves that differ in nothing; how much their errors differ all the same, against a binomial split,
is phi. Blocks of 10 s catch clusters that are spread over some seconds. The caller tempers: `log L / phi` instead of
`log L`, which for phi >= 1 is an e-process still (Jensen's inequality). phi is settled at the start of a stage and not
changed within.

The split must go by what the router assigns cohorts by (the user, the session): clusters then fall into one half, as
they fall into one cohort. A coin for each event tears them apart, and phi is 1 however clustered the errors are.

Pearson's dispersion statistic (McCullagh and Nelder: Generalized Linear Models, 1989, section 4.5), times a margin of
1.2, because to underrate phi costs validity and to overrate it only time.
"""

from __future__ import annotations

from dataclasses import dataclass

BLOCK_MS = 10_000
"""How long a block is."""

MARGIN = 1.2
"""What the estimate is multiplied by."""

MIN_BLOCKS = 30
"""Blocks with errors before there is an estimate: five minutes where errors are common."""

UNMEASURED = 8.0
"""What phi is taken for where it can be measured and is not yet."""

LARGE_BETS = 1.0 / 3.0
"""By so much of what it is above 1 an estimate is raised: to divide by it is enough for small effects only.

A bet on a large effect gains more from one large cluster than it loses by the others, more than a variance can say.
"""


@dataclass(frozen=True, slots=True)
class Doubt:
    """How an estimate is read that rests on few blocks: together with `UNMEASURED`, which weighs as much as `weight`.

    From `until` blocks with errors on it stands alone.

    >>> doubt = Doubt(weight=6, until=30)
    >>> doubt.phi(None, 0), doubt.phi(1.0, 6), doubt.phi(1.0, 30), doubt.phi(10.0, 6)
    (8.0, 4.5, 1.0, 13.0)
    """

    weight: int
    until: int

    def phi(self, found: float | None, blocks: int) -> float:
        """What to divide evidence by, given an estimate from so many blocks; an estimate may be larger at once."""
        if found is None:
            return UNMEASURED
        raised = found + LARGE_BETS * (found - 1.0)
        if blocks >= self.until:
            return raised
        return max(raised, (blocks * raised + self.weight * UNMEASURED) / (blocks + self.weight))


OF_USERS = Doubt(weight=6, until=MIN_BLOCKS)
"""For blocks of 10 s: the doubt lasts for five minutes."""


@dataclass(frozen=True, slots=True)
class BlockCounts:
    """Errors and requests of the two halves of the baseline in one block."""

    errors_1: int
    errors_2: int
    requests_1: int
    requests_2: int


@dataclass(slots=True)
class Dispersion:
    """The dispersion phi of a cohort's errors, from an A/A split of it.

    For each block with s errors of which s_1 in the first half, which had the share w of the requests:
    phi = max(1, 1.2 sum (s_1 - s w)^2 / sum s w (1 - w)). State is the number of blocks and the two sums.

    >>> dispersion = Dispersion()
    >>> for _ in range(15):
    ...     dispersion.update(BlockCounts(32, 18, 5_000, 5_000))
    ...     dispersion.update(BlockCounts(18, 32, 5_000, 5_000))
    >>> round(dispersion.get(), 6)
    4.704
    >>> Dispersion().get() is None
    True
    """

    min_blocks: int = MIN_BLOCKS
    blocks: int = 0
    squares: float = 0.0
    variance: float = 0.0

    def update(self, counts: BlockCounts) -> None:
        """Take in one block; one without errors, or with an empty half, says nothing and does not count."""
        errors = counts.errors_1 + counts.errors_2
        if not (errors and counts.requests_1 and counts.requests_2):
            return
        share = counts.requests_1 / (counts.requests_1 + counts.requests_2)
        self.blocks += 1
        self.squares += (counts.errors_1 - errors * share) ** 2
        self.variance += errors * share * (1.0 - share)

    def get(self) -> float | None:
        """phi, at least 1 and the margin included; None until `min_blocks` blocks had errors."""
        if self.blocks < max(1, self.min_blocks):
            return None
        return max(1.0, MARGIN * self.squares / self.variance)

    def dump(self) -> tuple[int, float, float]:
        """State for a snapshot; `load` takes it back bit for bit."""
        return self.blocks, self.squares, self.variance

    def load(self, state: tuple[int, float, float]) -> None:
        """Continue from what `dump` returned."""
        self.blocks, self.squares, self.variance = state
