"""What the judge publishes: decisions, commands, statuses, dead letters, and the metrics of each."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from aiokafka.structs import ConsumerRecord

from connectors.dead_letters import DeadLetter
from connectors.error_text import text_of
from gates.decisions import Action, Command, Decision
from gates.text import date_time
from streams.cells import SourcePartition
from streams.judge.agreement import Agreement
from streams.judge.fold import FrozenError
from streams.judge.instances import Instances
from streams.judge.journal_time import ClockLeap
from streams.judge.outputs import (
    AckedBy,
    Acknowledged,
    EventTimeMended,
    FoldOutput,
    ForeignCounts,
    FreezesStatus,
    JudgingFailed,
    LateEvents,
    RolloutSetAside,
    RolloutStatus,
    WorkerSettings,
)
from streams.judge.replay_guard import ReplayedError
from streams.judge.sending import Sender
from streams.judge.set_aside import SetAsideError
from streams.judge.sources import SourceHole, SourceMadeAgain
from streams.runtime import metrics, rollout_metrics

_WRONG_CLOCKS = "docs/reliability.md#wrong-clocks-of-workers"

log = logging.getLogger(__name__)

DELAYS = ("out_of_orderness_ms", "idle_timeout_ms")
"""The settings that make a pane wait although all is well. A status has their sum: what is older was not judged."""


class Publisher:
    """Publishes the outputs of folds."""

    def __init__(self, sender: Sender, shared: Mapping[str, int]) -> None:
        """`shared` are the settings of this worker that all must share."""
        self._sender = sender
        self._statuses: dict[str, RolloutStatus] = {}
        self._agreement = Agreement(shared)
        self._instances = Instances()
        self._usual_age_ms = sum(shared.get(name, 0) for name in DELAYS)
        self._last: dict[str, str] = {}  # by rollout, the id of its last decision
        self._holes: dict[SourcePartition, int] = {}  # by source partition, the end of the last hole reported
        self._made_again: dict[SourcePartition, str] = {}  # the identity of its topic, if it was made again

    def publish(self, output: FoldOutput) -> None:
        """As `_publish`; an output that cannot be written, of any rollout, does not keep back those after it."""
        try:
            self._publish(output)
        except Exception:
            log.exception("this output cannot be published: %s", output)
            metrics.UNPUBLISHED.inc()

    def _publish(self, output: FoldOutput) -> None:
        """Send a decision or command; keep a status for `publish_statuses`; only count the rest.

        The gate sends an order again until it is confirmed, as the same decision.
        """
        match output:
            case Decision():
                if self._last.get(output.rollout) == output.id:
                    log.info("resending %s: it is not confirmed yet", output.id)
                else:
                    log.info("%s %s: %s", output.id, output.action, output.reason)
                self._last[output.rollout] = output.id
                rollout_metrics.count(metrics.DECISIONS, output.rollout, output.action.value)
                rollout_metrics.count(metrics.ESCALATIONS, output.rollout, by=output.escalate)
                self._sender.put_order(output)
            case Command():
                self._sender.put_order(output)
            case RolloutStatus():
                self._statuses[output.rollout] = output
            case FreezesStatus():
                self._sender.put_freezes(output)
            case RolloutSetAside():
                self._statuses.pop(output.rollout, None)
                self._sender.forget_status(output.rollout)
                rollout_metrics.forget_rollout(output.rollout)
                rollout_metrics.count(metrics.ESCALATIONS, output.rollout)
                log.critical("%s is set aside (docs/operations.md#upgrades): %s", output.rollout, output.why)
            case SourceHole():
                self._report_hole(output)
            case SourceMadeAgain():
                self._report_topic(output)
            case ClockLeap() | EventTimeMended():
                _report_clock(output)
            case WorkerSettings():
                self._agreement.add(output)
            case AckedBy():
                self._instances.add(output)
            case _:
                _count(output)

    def _report_hole(self, hole: SourceHole) -> None:
        """Report offsets that nobody has counted, once: the progress that shows them is in each journal partition."""
        if hole.upto <= self._holes.get(hole.source, 0):
            return
        self._holes[hole.source] = hole.upto
        metrics.UNCOUNTED.labels(hole.source.partition).inc(hole.upto - hole.first)
        log.error(
            "%s partition %d: offsets %d to %d were never counted, so telemetry is incomplete; check the topic's "
            "retention, and that nothing else uses ingest's group or moves its offsets "
            "(docs/reliability.md#offsets-that-were-never-counted)",
            hole.source.topic,
            hole.source.partition,
            hole.first,
            hole.upto - 1,
        )

    def _report_topic(self, found: SourceMadeAgain) -> None:
        """Report that a topic was made again, once for each partition."""
        if self._made_again.get(found.source) == found.identity:
            return
        self._made_again[found.source] = found.identity
        self._holes.pop(found.source, None)  # its offsets begin again
        metrics.MADE_AGAIN.labels(found.source.partition).inc()
        log.error(
            "%s partition %d was made again: what was not read of it before is lost, so telemetry is incomplete until "
            "the new one is read (docs/reliability.md#topics-that-are-made-again)",
            found.source.topic,
            found.source.partition,
        )

    def publish_statuses(self) -> None:
        """Send the newest status of each rollout since the last call.

        Only the newest, because `gate-status` is compacted: after an outage a rollout has hundreds, of
        which only the last is of use.
        """
        statuses, self._statuses = self._statuses, {}
        differences = self._agreement.differences() if statuses else []
        for name, status in statuses.items():
            try:
                rollout_metrics.show_status(status.document)
                notices = {"settings_differ": differences, "doubled_actuators": self._instances.doubled(name)}
                shown = {key: found for key, found in notices.items() if found}
                self._sender.put_status(name, status.document | {"usual_age_ms": self._usual_age_ms} | shown)
            except Exception:  # of any kind: it is this rollout's own
                log.exception("the status of %s cannot be published", name)
                metrics.UNPUBLISHED.inc()

    def send_dead_letter(self, record: ConsumerRecord[bytes, bytes], error: Exception) -> None:
        """Send a journal record that cannot be folded to the dead letters, so that the records behind it are judged."""
        reason = "failed"
        if isinstance(error, ValueError):  # a record that does not decode as well
            reason = error.reason if isinstance(error, ReplayedError | FrozenError | SetAsideError) else "bad_record"
        log.error(
            "journal partition %d, offset %d: record refused and sent to dead-letters (%s): %s",
            record.partition,
            record.offset,
            reason,
            text_of(error),
        )
        metrics.DEAD_LETTERS.labels(record.topic, reason).inc()
        place = (record.topic, record.partition, record.offset, 0)
        self._sender.letters.put([DeadLetter(*place, reason, text_of(error), record.key, record.value or b"")])


def _report_clock(output: ClockLeap | EventTimeMended) -> None:
    if isinstance(output, ClockLeap):
        _report_leap(output)
    else:
        _report_mended(output)


def _report_leap(leap: ClockLeap) -> None:
    """Report a clock that is not followed, and which one is wrong: for each journal partition that has its record."""
    seconds = abs(leap.ahead_ms) / 1_000
    if leap.confirmed and leap.ahead_ms > 0:
        log.info(
            "journal time is %g s behind the clock of worker %s, which the broker confirms: no "
            "worker was there meanwhile; it is followed within 10 s, unless newer events contradict it",
            seconds,
            leap.worker,
        )
        return
    metrics.CLOCK_LEAPS.inc()
    if leap.confirmed:
        log.error(
            "journal time is %g s ahead of the clock of worker %s, which the broker or events confirm: it once "
            "followed a clock that was wrong; this worker is right, and what is judged ahead begins again (%s)",
            seconds,
            leap.worker,
            _WRONG_CLOCKS,
        )
        return
    log.error(
        "the clock of worker %s is %g s %s journal time, nothing confirms it, and it is not followed%s; "
        "compare it with the time, and mend it if it is wrong (%s)",
        leap.worker,
        seconds,
        "ahead of" if leap.ahead_ms > 0 else "behind",
        " yet" if leap.ahead_ms > 0 else "",
        _WRONG_CLOCKS,
    )


def _report_mended(mended: EventTimeMended) -> None:
    """Report a rollout whose event time was ahead of everything: until now none of its requests was judged."""
    metrics.MENDED_EVENT_TIMES.inc()
    log.error(
        "%s was judged up to %s by a clock that was wrong, so its requests were late; it is judged from %s on, and its "
        "stage and its evidence begin again (%s)",
        mended.rollout,
        date_time(mended.before),
        date_time(mended.after),
        _WRONG_CLOCKS,
    )


def _count(output: FoldOutput) -> None:
    """Count what is not published itself."""
    match output:
        case Acknowledged():
            rollout_metrics.count(metrics.ACKS, output.rollout, output.status)
            if output.took_ms is not None and output.action == Action.ROLLBACK:
                metrics.TIME_TO_ROLLBACK.observe(output.took_ms / 1000.0)
        case ForeignCounts():
            metrics.FOREIGN.labels(output.rule).inc()
        case LateEvents():
            rollout_metrics.count(metrics.LATE_EVENTS, output.rollout, by=output.events)
        case JudgingFailed():
            log.error("%s cannot be judged, so it is paused: %s", output.rollout, output.why)
            rollout_metrics.count(metrics.JUDGING_FAILED, output.rollout)
