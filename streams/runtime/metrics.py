"""What a worker tells Prometheus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

from gates.panes import CLASSES
from gates.verdicts import VerdictKind

disable_created_metrics()  # type: ignore[no-untyped-call]

EVENTS = Counter("sluicegate_events", "Request events counted, by outcome class", ["partition", "outcome"])
DEAD_LETTERS = Counter("sluicegate_dead_letters", "What could not be read, by reason", ["topic", "reason"])
CLAMPED = Counter("sluicegate_clamped_events", "Events too far in the future, counted at their record's time")
REFUSED = Counter("sluicegate_refused_events", "Events of more rollouts or seconds than a chunk may name, not counted")
METRICS_DROPPED = Counter(
    "sluicegate_dropped_metric_values", "Values of more metrics than a cell may have, not counted"
)
INGEST_LAG = Gauge("sluicegate_ingest_lag_records", "Records of a source partition still to be read", ["partition"])
FLUSH_SECONDS = Histogram("sluicegate_flush_seconds", "Time to journal what was counted since the last flush")
INGEST_RESETS = Counter("sluicegate_ingest_resets", "Times ingest went back to its last committed offsets")
WATERMARK_DELAY = Gauge(
    "sluicegate_watermark_delay_seconds", "Wall time of the last progress less the watermark", ["partition"]
)
JOURNAL_LAG = Gauge(
    "sluicegate_journal_lag_records", "Records of a journal partition still to be judged", ["partition"]
)
FOREIGN = Counter("sluicegate_foreign_records", "Counts of builds that cut chunks by another rule, refused", ["rule"])
IGNORED = Gauge(
    "sluicegate_ignored_partials", "Counts of more rollouts without a policy than are followed", ["partition"]
)
JOURNAL_TRUNCATED = Gauge(
    "sluicegate_journal_truncated_partitions", "Journal partitions that lack what is needed, and are not judged"
)
LATE_EVENTS = Counter("sluicegate_late_events", "Events that came after their pane was judged", ["rollout"])
REQUESTS = Gauge("sluicegate_cohort_requests", "Requests in the policy's longest window", ["rollout", "cohort"])
ERROR_RATE = Gauge("sluicegate_cohort_error_rate", "Share of 5xx and error outcomes in it", ["rollout", "cohort"])
LATENCY = Gauge("sluicegate_cohort_latency_seconds", "Latency quantiles in it", ["rollout", "cohort", "quantile"])
WEIGHT = Gauge("sluicegate_cohort_weight_percent", "Share of the traffic that is wanted", ["rollout", "cohort"])
VERDICT = Gauge("sluicegate_verdict", "1 for the verdict a check gives now, else 0", ["rollout", "check", "verdict"])
E_VALUE = Gauge("sluicegate_e_value", "Evidence for a regression; a rollback at 100", ["rollout", "check"])
COMPLETENESS = Gauge("sluicegate_completeness", "Share of the stage judged in time", ["rollout"])
DECISIONS = Counter("sluicegate_decisions", "Decisions published, repeats included", ["rollout", "action"])
ESCALATIONS = Counter("sluicegate_escalations", "Decisions that page a person", ["rollout"])
ACKS = Counter("sluicegate_command_acks", "What actuators reported", ["rollout", "status"])
TIME_TO_ROLLBACK = Histogram(
    "sluicegate_time_to_rollback_seconds",
    "From the event time that a rollback was decided on to its ack",
    buckets=(0.5, 1, 2, 3, 5, 8, 13, 21, 34, 60, 120, 300),
)
AUDIT_ENTRIES = Counter("sluicegate_audit_entries", "Entries of the audit log, by kind", ["kind"])
AUDIT_LAG = Gauge("sluicegate_audit_lag_records", "Records of an audited topic that are not in the log yet", ["topic"])
AUDIT_VOID = Counter("sluicegate_audit_void_records", "Records of the audit log that do not continue its chain")
AUDIT_SKIPPED = Counter(
    "sluicegate_audit_skipped_records", "Records read whose offset is in the log already", ["topic"]
)
SNAPSHOT_BYTES = Counter("sluicegate_snapshot_bytes", "Snapshot bytes written, before compression")


def count_events(partition: int, kinds: Mapping[bool, Sequence[int]]) -> None:
    """Count a flush of ingest: users' and (True) synthetic events by outcome class, and last the heartbeats."""
    *synthetic, beats = kinds[True]
    words = (*CLASSES, "heartbeat", "synthetic")
    for word, number in zip(words, (*kinds[False][:-1], kinds[False][-1] + beats, sum(synthetic)), strict=True):
        if number:
            EVENTS.labels(partition, word).inc(number)


def show_status(status: Mapping[str, Any]) -> None:
    """Set the gauges of one rollout from its status document."""
    rollout = status["rollout"]
    if rollout not in _shown:
        _shown[rollout] = _Shown(rollout)
    _shown[rollout].show(status)


def forget_rollout(rollout: str) -> None:
    """Show a rollout no more: another worker judges it now."""
    shown = _shown.pop(rollout, None)
    if shown is not None:
        shown.remove()


class _Shown:
    """The gauges of one rollout; each is looked up once, and set where its value has changed."""

    def __init__(self, rollout: str) -> None:
        self._rollout = rollout
        self._gauges: dict[tuple[Gauge, tuple[str, ...]], Gauge] = {}
        self._values: dict[tuple[Gauge, tuple[str, ...]], float] = {}
        self._verdicts: dict[str, str] = {}

    def show(self, status: Mapping[str, Any]) -> None:
        self._set(COMPLETENESS, status["completeness"])
        for cohort, weight in status["weights"].items():
            self._set(WEIGHT, weight, cohort)
        for cohort, seen in status["slis"].items():
            self._set(REQUESTS, seen["requests"], cohort)
            self._set(ERROR_RATE, _number(seen["error_rate"]), cohort)
            for quantile in ("p50", "p95", "p99"):
                self._set(LATENCY, _number(seen[quantile]) / 1000.0, cohort, f"0.{quantile[1:]}")
        for check in status["checks"]:
            self._show_verdict(check["name"], check["verdict"])
            if "e_value" in check:
                self._set(E_VALUE, check["e_value"], check["name"])

    def _show_verdict(self, check: str, verdict: str) -> None:
        if self._verdicts.get(check) != verdict:
            for outcome in VerdictKind:
                self._set(VERDICT, verdict == outcome.value, check, outcome.value)
            self._verdicts[check] = verdict

    def _set(self, gauge: Gauge, value: float, *labels: str) -> None:
        key = gauge, labels
        if self._values.get(key) != value:
            if key not in self._gauges:
                self._gauges[key] = gauge.labels(self._rollout, *labels)
            self._gauges[key].set(value)
            self._values[key] = value

    def remove(self) -> None:
        for gauge, labels in self._gauges:
            gauge.remove(self._rollout, *labels)


_shown: dict[str, _Shown] = {}


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
