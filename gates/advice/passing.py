"""How long a healthy candidate takes to pass a stage, and what it waits for meanwhile; all times are seconds."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, floor, inf

from gates.advice.catching import StageTraffic
from gates.advice.detectability import Detectability, passes_alone
from gates.comparison.quantiles import MIN_TAIL, TRAILING_MS
from gates.policy import Policy, Stage
from gates.slis.bounds import WindowBound
from gates.slis.definition import CheckDefinition
from gates.stats.power import Traffic
from gates.stats.sparse_traffic import gaps_per_second, share_in_short_gaps, trials_until_run, wait_for_quiet
from gates.stats.window_breach import at_least

LONGEST_BAKED_GAP_S = 30.0
"""As in the machine: a longer gap between requests does not bake."""

LONGEST_RESUME_S = 3_600.0
"""As in the machine: the longest time that telemetry must be back for before a hold ends."""

LONGEST_DELAY_S = 30 * 86_400.0
"""A healthy candidate that needs so much longer than warm-up and bake never passes: no one waits for that."""

RARELY = 1e-6
"""A condition that holds for a smaller share of the time is never met."""

LIKELY = 0.5
"""What is to be expected this often in a stage counts."""


@dataclass(frozen=True, slots=True)
class StageWait:
    """What a healthy candidate waits for in a stage, each from the confirmation or the end of the warm-up.

    `bake` is the time that the bake takes at this traffic, `held` what holds for silence add to it. `requests` is the
    time to `min_requests`, `checks` to the last PASS, `run` to that many passes in a row. `holds` and `pauses` are how
    often the rollout is held and paused for silence, infinite like `held` where that does not end. `late` is how long a
    single late event keeps the stage from being complete, `confirm` how long an order may take until a person is paged.
    """

    warmup: float
    bake: float
    held: float
    requests: float
    checks: float
    run: float
    holds: float
    pauses: float
    late: float
    confirm: float

    @property
    def baked(self) -> float:
        """From the end of the warm-up until the stage has baked."""
        return self.bake + self.held

    @property
    def seconds(self) -> float:
        """From the confirmation until the stage is passed."""
        return self.warmup + max(self.baked, self.requests, self.checks) + self.run


def or_never(seconds: float, least: float) -> float:
    """The time that a stage takes which lasts `least` at any traffic; infinite where the traffic delays it too much."""
    return seconds if seconds - least <= LONGEST_DELAY_S else inf


def stage_wait(policy: Policy, stage: Stage, traffic: StageTraffic, checks: float) -> StageWait:
    """The wait in a stage whose slowest check passes after `checks`."""
    smaller = min(stage.weight, 1.0 - stage.weight) if stage.weight < 1.0 else 1.0
    sparsest = traffic.rps * smaller
    hold_s, pause_s = policy.no_data.hold_after_ms / 1000.0, policy.no_data.pause_after_ms / 1000.0
    bake = _bake(stage.bake_ms / 1000.0, sparsest, min(hold_s, LONGEST_BAKED_GAP_S) + traffic.pane_s, traffic.pane_s)
    gaps = gaps_per_second(sparsest, hold_s)
    holds = gaps * bake if bake < inf else inf
    held = _held(holds, gaps, hold_s)
    paused = gaps_per_second(sparsest, pause_s)
    fresh = 1.0 - exp(-sparsest * traffic.pane_s)
    counted = sparsest if _comparing(policy) else traffic.rate
    commands = policy.commands
    return StageWait(
        warmup=(stage.warmup_ms or 0) / 1000.0,
        bake=bake,
        held=held,
        requests=policy.min_requests / counted,
        checks=checks + (stage.passes - 1) * traffic.pane_s,
        run=(trials_until_run(fresh, stage.passes) - stage.passes) * traffic.pane_s,
        holds=holds if held < inf else inf,
        pauses=_pauses(paused, bake + held),
        late=1.0 / (1.0 - policy.min_completeness) / sparsest if policy.min_completeness < 1.0 else inf,
        confirm=commands.ack_within_ms * commands.tries / 1000.0,
    )


def _bake(bake_s: float, rate: float, longest_gap: float, pane_s: float) -> float:
    """A long gap bakes its last pane alone."""
    baked = share_in_short_gaps(rate, longest_gap) + gaps_per_second(rate, longest_gap) * pane_s
    return bake_s / baked if baked > RARELY else inf


def _held(holds: float, gaps: float, hold_s: float) -> float:
    """What the holds add: each ends once requests have been back without a gap, for twice as long each time."""
    if holds < LIKELY:
        return 0.0
    if holds == inf:
        return inf
    resumes = (min(hold_s * 2.0 ** min(number, 16), LONGEST_RESUME_S) for number in range(max(1, round(holds))))
    held = sum(wait_for_quiet(gaps, length) for length in resumes)
    return held if held <= LONGEST_DELAY_S else inf


def _pauses(gaps: float, baked: float) -> float:
    """How often a gap pauses until the stage has baked; of a stage that never bakes, whether it happens at all."""
    if baked < inf:
        return gaps * baked
    return inf if gaps * LONGEST_DELAY_S >= LIKELY else 0.0


def _comparing(policy: Policy) -> bool:
    """Whether a check that must pass needs requests of the baseline."""
    return any(check.required and check.comparing for check in policy.checks.values())


def check_passes(
    policy: Policy,
    definition: CheckDefinition,
    found: Detectability | None,
    traffic: StageTraffic,
    *,
    proves: bool = True,
) -> float:
    """Seconds until the check passes a healthy candidate, once it has its requests; infinite where it never does.

    `proves` is false in a stage with `proof: false`.
    """
    first = 0.0
    if not proves:  # at the end of the bake, unless something speaks against the candidate
        return _out_of_limit(definition, traffic)
    if found is not None:
        first = found.passes() + _first_threshold(definition, traffic)
    elif definition.comparing:
        first = _alone(policy, definition, traffic)
    return first + _out_of_limit(definition, traffic)


def _first_threshold(definition: CheckDefinition, traffic: StageTraffic) -> float:
    """A quantile is compared once the baseline's last minute has values enough beyond it."""
    quantile = None if definition.compared is None else definition.compared.quantile
    if quantile is None:
        return 0.0
    needed = MIN_TAIL / (traffic.rps * (1.0 - traffic.weight) * (1.0 - quantile))
    return needed if needed <= TRAILING_MS / 1000.0 else inf


def _alone(policy: Policy, definition: CheckDefinition, traffic: StageTraffic) -> float:
    """Without a baseline the evidence is against the limit; how slow requests are is not known in advance."""
    bound = definition.bound
    if not isinstance(bound, WindowBound) or not bound.of_errors:
        return 0.0
    return passes_alone(policy, definition, Traffic(traffic.rps, traffic.weight), traffic.base, bound.share)


def _out_of_limit(definition: CheckDefinition, traffic: StageTraffic) -> float:
    """How long a window of a healthy candidate, with too few bad events to fail, is beyond the limit or empty."""
    bound = definition.bound
    if bound is None or not isinstance(bound, WindowBound):
        return 0.0
    requests = traffic.rate * bound.window_ms / 1000.0
    within = 1.0 - exp(-requests)
    if bound.of_errors:
        within *= 1.0 - at_least(floor(bound.share * requests) + 1, traffic.base * requests)
    return (1.0 - within) / within * bound.window_ms / 1000.0 if within > RARELY else inf
