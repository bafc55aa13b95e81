"""What a start would replace, and why it is refused: starts by mistake move traffic at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gates.documents.quantities import format_share
from gates.machine.freezes import Frozen
from gates.machine.rollout import Moment, RolloutState, Started
from gates.machine.transitions import Phase
from gates.policy import Policy
from gates.rules import RULES
from gates.text import weights_text


@dataclass(frozen=True, slots=True)
class Standing:
    """The rollout of the same name as it stands, from the gate's state or from a status.

    `confirmed` is false while its newest order waits for a confirmation; `in_force` are the weights that were last
    confirmed in its epoch.
    """

    phase: str
    epoch: int
    owner: str | None
    cohorts: Mapping[str, str]
    confirmed: bool = True
    in_force: Mapping[str, float] | None = None

    @classmethod
    def of(cls, state: RolloutState) -> Standing:
        """The rollout as the machine remembers it."""
        return cls(
            state.phase.value,
            state.epoch,
            state.policy.owner,
            state.policy.cohorts.document(),
            confirmed=state.order is None or state.order.confirmed,
            in_force=None if state.in_force is None else state.in_force.weights,
        )


def refusal_of_start(state: RolloutState | None, given: Started, moment: Moment) -> str:
    """Why a start is refused; "" if it is carried out. `state` is None for a rollout that was never started."""
    freeze = None if given.override_freeze else moment.frozen(given.policy)
    if freeze is not None:
        return refusal_of_frozen(freeze)
    if state is None or not RULES[given.rules].guarded_orders:
        return ""
    return refusal(Standing.of(state), given.policy, confirmed=given.confirmed, replace=given.replace)


def refusal_of_frozen(freeze: Frozen) -> str:
    """Why no rollout starts during this freeze."""
    return f"{freeze.text}; wait for its end, or add --override-freeze"


def refusal(standing: Standing, policy: Policy, *, confirmed: bool, replace: bool) -> str:
    """Why a start by this policy is refused, and the flag that carries it out nevertheless; "" if nothing is wrong."""
    # Before the traffic: a policy of somebody else's rollout is a mistake whatever its weights are.
    if not replace and (differences := "; ".join(_differences(standing, policy))):
        return (
            f"the policy differs from that of epoch {standing.epoch}: {differences}; "
            "choose another name for another rollout, or add --replace"
        )
    moved = "" if confirmed else traffic_moved(standing, policy)
    return f"{moved}; add --yes to do so" if moved else ""


def traffic_moved(standing: Standing, policy: Policy) -> str:
    """What a start does to the traffic of a promoted rollout; "" if it takes none from the candidate."""
    first = policy.stages[0].weight
    if standing.phase != Phase.PROMOTED or first == 1.0:
        return ""
    after = policy.cohorts.candidate
    return (
        f"{policy.rollout} is promoted{_carried_out(standing)}; starting it again sets {after} to "
        f"{format_share(first)} and {policy.cohorts.baseline} to {format_share(round(1.0 - first, 8))}"
    )


def _carried_out(standing: Standing) -> str:
    """The weights of a promotion, or that it is not confirmed and what is in force: it may move no traffic at all."""
    if standing.confirmed:
        return f" ({standing.cohorts['candidate']} 100%)"
    known = "no weights are confirmed in its epoch"
    if standing.in_force is not None:
        known = f"last confirmed: {weights_text(standing.in_force)}"
    return f", but the promotion is not confirmed ({known})"


def _differences(standing: Standing, policy: Policy) -> Iterator[str]:
    wanted = {"owner": policy.owner} | {f"cohorts.{role}": name for role, name in policy.cohorts.document().items()}
    known = {"owner": standing.owner} | {f"cohorts.{role}": name for role, name in standing.cohorts.items()}
    for key, value in wanted.items():
        if value != known[key]:
            yield f"{key} is {value or 'missing'}, was {known[key] or 'missing'}"
