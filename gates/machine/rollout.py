"""What the state machine remembers of a rollout, and the inputs it reacts to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gates.decisions import Decision
from gates.machine.freezes import Freeze, Frozen, frozen
from gates.machine.orders import InForce, Order
from gates.machine.transitions import Phase, Signal
from gates.policy import Policy, Stage
from gates.rules import CURRENT, RULES, JudgingRules
from gates.verdicts import NOT_EVALUATED, Evaluation


@dataclass(frozen=True, slots=True)
class Moment:
    """The position of an input: event time judged so far, newest event time, wall time, journal partition and offset.

    Times are milliseconds since the epoch. `freezes` are those that operators have ordered and not ended.
    """

    event_time: int
    newest: int
    wall: int
    journal: tuple[int, int]
    freezes: tuple[Freeze, ...] = ()

    def frozen(self, policy: Policy) -> Frozen | None:
        """Why a rollout by this policy is frozen now; None if it is not."""
        return frozen(policy, self.freezes, self.event_time)


@dataclass(frozen=True, slots=True)
class Started:
    """An operator started a rollout, or started it again; `rules` is the number of the rules that judge it.

    With `confirmed` it may take traffic from a promoted candidate, with `replace` its owner and cohorts may differ,
    with `override_freeze` it is carried out while the rollout is frozen. `epochs_before` is the number of its epochs
    where nothing else is left of them.
    """

    policy: Policy
    by: str
    reason: str
    rules: int = CURRENT
    confirmed: bool = False
    replace: bool = False
    override_freeze: bool = False
    epochs_before: int = 0


@dataclass(frozen=True, slots=True)
class Controlled:
    """An operator ordered pause, resume, approve, advance, rollback or promote; `epoch` None means the current one.

    An approval and an advance name their `stage`; None of an approval, in journals of before, means the current one.
    `confirmed` is needed to roll back what was promoted some time ago, `override_freeze` to advance or promote while
    the rollout is frozen.
    """

    control: Signal
    by: str
    reason: str
    epoch: int | None = None
    stage: str | None = None
    confirmed: bool = False
    override_freeze: bool = False


@dataclass(frozen=True, slots=True)
class Acked:
    """An actuator reported on a decision; `weights` are those it then observed, `at` is its wall clock (ms)."""

    epoch: int
    sequence: int
    status: str
    weights: Mapping[str, float]
    actuator: str
    reason: str = ""
    at: int = 0


@dataclass(frozen=True, slots=True)
class Ticked:
    """Wall time passed."""


Input = Started | Controlled | Acked | Evaluation | Ticked


@dataclass(frozen=True, slots=True)
class Pending:
    """A change of weights that no actuator has confirmed yet; times are wall-clock milliseconds.

    `tries` counts how often the order was sent in this round; `rounds` counts rounds of tries without an ack.
    """

    sequence: int
    due: int
    expires_at: int
    deadline: int
    tries: int = 1
    rounds: int = 0


@dataclass(frozen=True, slots=True)
class ControlOutcome:
    """What became of the last operator's control."""

    control: str
    by: str
    accepted: bool
    reason: str
    journal: tuple[int, int]


LONGEST_RESUME_MS = 3_600_000
"""The longest time that telemetry must be back for before a hold ends."""


@dataclass(frozen=True, slots=True)
class StageProgress:
    """The current stage, `index` in the policy, and how far it has come. Times are event time in milliseconds.

    `confirmed_at` is the time from which the stage's weights are confirmed, None before. `timed_from` is the time that
    the stage's timeout counts from: its order, or an operator's resume. `passes` is the number of panes in a row on
    which nothing was missing. `approved_by` is who approved the stage.

    `missing_holds` is how often the stage was held for silence, incomplete telemetry or a doubt about the split,
    `missing_until` the end of the last pane on which one of them was a reason for a hold.

    `frozen_ms` is how long it was frozen since `timed_from`: the timeout does not run meanwhile.

    Silence counts as baked only once a later request has ended it: until `requests_until` every cohort had requests.
    """

    index: int
    ordered_at: int
    timed_from: int
    confirmed_at: int | None = None
    baked_ms: int = 0
    passes: int = 0
    approved_by: str | None = None
    requests_until: int = 0
    missing_holds: int = 0
    missing_until: int = 0
    frozen_ms: int = 0


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause that goes on. Times are wall-clock milliseconds, because event time may stand still without telemetry.

    `reason` is that of the gravest cause so far, and `paged` are the causes for which a person was paged. `remind_at`
    is when the page is due again, `deadline` when the policy ends the pause; None where the policy does neither.
    """

    since: int
    reason: str
    paged: tuple[Signal, ...] = ()
    remind_at: int | None = None
    deadline: int | None = None


@dataclass(frozen=True, slots=True)
class RolloutState:
    """All that the machine remembers.

    `cause` is why the rollout is held or paused, so that the same cause is published once. `evaluation` is that of the
    last pane, `last` the last decision, `control` the last operator's control. `order` is the newest order to change
    the weights, `pending` how it is sent again while it is not confirmed, `in_force` what was last confirmed. `pause`
    is the pause that goes on, None without one. `rules` is the number of the rules that judge this epoch
    (`gates.rules`).
    """

    policy: Policy
    phase: Phase
    epoch: int
    progress: StageProgress
    sequence: int = 0
    cause: Signal | None = None
    evaluation: Evaluation = NOT_EVALUATED
    last: Decision | None = None
    order: Order | None = None
    pending: Pending | None = None
    in_force: InForce | None = None
    control: ControlOutcome | None = None
    pause: Pause | None = None
    rules: int = CURRENT

    @property
    def judging(self) -> JudgingRules:
        """The rules that the epoch is judged by."""
        return RULES[self.rules]

    @property
    def timed(self) -> bool:
        """Whether wall time may change something: an order waits for its ack, or a pause for its end."""
        return self.pending is not None or self.pause is not None

    @property
    def resume_after_ms(self) -> int:
        """How long telemetry must be back before a hold for its lack ends: twice as long at each such hold of a stage.

        A cohort with gaps of about `hold_after` would otherwise be held and resumed all night.
        """
        if not self.judging.steady_holds:
            return 0
        # The exponent is bounded too: a stage may be held any number of times.
        doublings = min(max(self.progress.missing_holds - 1, 0), 16)
        return min(self.policy.no_data.hold_after_ms << doublings, LONGEST_RESUME_MS)

    @property
    def stage(self) -> Stage:
        """The current stage in the policy."""
        return self.policy.stages[self.progress.index]
