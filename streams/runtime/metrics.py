"""A worker's metrics for Prometheus. Their names are published: dashboards and alerts use them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

from gates.panes import CLASSES

disable_created_metrics()  # type: ignore[no-untyped-call]

EVENTS = Counter("sluicegate_events", "Request events counted, by outcome class", ["partition", "outcome"])
DEAD_LETTERS = Counter(
    "sluicegate_dead_letters",
    "Messages, or elements of them, that were sent to dead-letters, by reason",
    ["topic", "reason"],
)
DOUBLED_ACTUATORS = Counter(
    "sluicegate_doubled_actuators",
    "Acks that show two actuators of one name at work on the same rollout",
    ["actuator"],
)
CLAMPED = Counter("sluicegate_clamped_events", "Events too far in the future, counted at their record's time")
REFUSED = Counter(
    "sluicegate_refused_events", "Events not counted, because their chunk had the most rollouts, seconds or bytes"
)
METRICS_DROPPED = Counter(
    "sluicegate_dropped_metric_values", "Metric values not counted, because their cell already had the most metrics"
)
WAITING = Gauge(
    "sluicegate_waiting_messages",
    "Messages of this worker that wait because their topic refuses them or does not answer; 0 if it accepts them",
    ["topic"],
)
DROPPED = Counter(
    "sluicegate_dropped_messages",
    "Messages that were not sent, because too many waited for their topic already; the log names each dead letter",
    ["topic"],
)
JUDGING_FAILED = Counter(
    "sluicegate_judging_failures", "Failed attempts to judge a rollout, which is then paused", ["rollout"]
)
UNPUBLISHED = Counter("sluicegate_unpublished_outputs", "Decisions or statuses that could not be written as JSON")
ROLE_FAILURES = Counter(
    "sluicegate_role_failures", "Failures of a role, after which it is started again in the same process", ["role"]
)
UNSNAPSHOTTED = Gauge(
    "sluicegate_unsnapshotted_rollouts",
    "Rollouts whose snapshot cannot be written; a restart folds the journal from the snapshots before",
    ["partition"],
)
OVERSIZED_PARTIALS = Counter(
    "sluicegate_oversized_partials",
    "Counts of a chunk whose requests were refused, because the journal does not take messages of their size",
)
INGEST_LAG = Gauge(
    "sluicegate_ingest_lag_records", "Records of a source partition that ingest has not read yet", ["partition"]
)
UNCOUNTED = Counter(
    "sluicegate_uncounted_source_records",
    "Offsets of a source partition that no ingest worker has counted: deleted before, or passed over by its group",
    ["partition"],
)
MADE_AGAIN = Counter(
    "sluicegate_source_partitions_made_again",
    "How often a source partition was of another topic of the same name: it was deleted and made again",
    ["partition"],
)
FLUSH_SECONDS = Histogram("sluicegate_flush_seconds", "Seconds to journal the counts since the last flush")
INGEST_RESETS = Counter(
    "sluicegate_ingest_resets", "Number of times that ingest went back to its last committed offsets"
)
WATERMARK_DELAY = Gauge(
    "sluicegate_watermark_delay_seconds",
    "Journal time, less what it is known to be ahead, minus the watermark",
    ["partition"],
)
CLOCK_OFFSET = Gauge(
    "sluicegate_clock_offset_seconds", "This worker's clock minus the broker's, where `gate-journal` has broker time"
)
CLOCK_LEAP = Gauge(
    "sluicegate_clock_leap_seconds",
    "The recent worker's clock furthest from journal time minus that time; 0 if all are near it",
    ["partition"],
)
MENDED_EVENT_TIMES = Counter(
    "sluicegate_mended_event_times", "Times that a rollout was judged ahead of all events and clocks, and began again"
)
CLOCK_LEAPS = Counter("sluicegate_clock_leaps", "Leaps of workers' clocks that were not followed")
JOURNAL_LAG = Gauge(
    "sluicegate_journal_lag_records", "Records of a journal partition that are not judged yet", ["partition"]
)
FOREIGN = Counter(
    "sluicegate_foreign_records", "Records refused, because they come from a build with another chunk rule", ["rule"]
)
IGNORED = Gauge(
    "sluicegate_ignored_partials",
    "Partial counts dropped because more than 1,000 rollouts without a policy sent events to this journal partition",
    ["partition"],
)
SETTINGS_DIFFER = Gauge(
    "sluicegate_differing_settings",
    "Workers of this prefix whose value of this setting is not that of this worker; 0 once they agree again",
    ["setting"],
)
JOURNAL_TRUNCATED = Gauge(
    "sluicegate_journal_truncated_partitions", "Journal partitions that are truncated; their rollouts are not judged"
)
RECOVERIES_FAILED = Counter(
    "sluicegate_failed_recoveries",
    "Attempts to recover a journal partition that failed; its rollouts are not judged until one succeeds",
    ["partition"],
)
SET_ASIDE = Gauge(
    "sluicegate_set_aside_rollouts",
    "Rollouts of a journal partition that this build must not decide on: they keep their weights and are not judged",
    ["partition"],
)
LATE_EVENTS = Counter("sluicegate_late_events", "Events that arrived after their pane was closed", ["rollout"])
REQUESTS = Gauge("sluicegate_cohort_requests", "Requests in the policy's longest window", ["rollout", "cohort"])
ERROR_RATE = Gauge(
    "sluicegate_cohort_error_rate", "Share of 5xx and error outcomes in the same window", ["rollout", "cohort"]
)
LATENCY = Gauge(
    "sluicegate_cohort_latency_seconds", "Latency quantiles in the same window", ["rollout", "cohort", "quantile"]
)
WEIGHT = Gauge(
    "sluicegate_cohort_weight_percent",
    "Share of traffic that was ordered for the cohort; see sluicegate_order_unconfirmed",
    ["rollout", "cohort"],
)
UNCONFIRMED = Gauge(
    "sluicegate_order_unconfirmed", "1 while the newest order of weights is not confirmed, else 0", ["rollout"]
)
REPORT = Gauge(
    "sluicegate_actuator_report",
    "1 for the status that an actuator reported on the newest order: applied, failed, rejected or expired; mismatched: "
    "applied, with other weights; missing: needed, and not reported",
    ["rollout", "actuator", "status"],
)
VERDICT = Gauge("sluicegate_verdict", "1 for the present verdict of a check, else 0", ["rollout", "check", "verdict"])
E_VALUE = Gauge(
    "sluicegate_e_value",
    "E-value of this check for a regression. By default the weighted mean over all comparing checks rolls back at "
    "1/confidence.rollback (100).",
    ["rollout", "check"],
)
CORRELATION = Gauge(
    "sluicegate_correlation_seconds",
    "How long the baseline's bad events of this check hang together (rho); blocks of its evidence grow with it",
    ["rollout", "check"],
)
DISPERSION = Gauge(
    "sluicegate_dispersion",
    "By how much the baseline's bad events of this check vary more than independent ones (phi), at first assumed; it "
    "divides the evidence for an advance",
    ["rollout", "check"],
)
COMPLETENESS = Gauge("sluicegate_completeness", "Share of the stage's telemetry that arrived in time", ["rollout"])
COHORT_COMPLETENESS = Gauge(
    "sluicegate_cohort_completeness",
    "Share of the cohort's events in the stage that were counted where they belong",
    ["rollout", "cohort"],
)
MISSING_EVENTS = Gauge(
    "sluicegate_cohort_missing_events",
    "Events of the cohort in the stage that were not: late, unreadable, refused or clamped",
    ["rollout", "cohort", "cause"],
)
DECISIONS = Counter(
    "sluicegate_decisions", "Decisions published, including repeats of the same decision", ["rollout", "action"]
)
ESCALATIONS = Counter("sluicegate_escalations", "Decisions that need a person", ["rollout"])
ACKS = Counter("sluicegate_command_acks", "Acks of actuators, by status", ["rollout", "status"])
TIME_TO_ROLLBACK = Histogram(
    "sluicegate_time_to_rollback_seconds",
    "Seconds from the event time of a rollback decision to the ack that confirms it",
    buckets=(0.5, 1, 2, 3, 5, 8, 13, 21, 34, 60, 120, 300),
)
AUDIT_ENTRIES = Counter("sluicegate_audit_entries", "Entries of the audit log, by kind", ["kind"])
AUDIT_LAG = Gauge(
    "sluicegate_audit_lag_records", "Records of an audited topic that are not in the audit log yet", ["topic"]
)
AUDIT_VOID = Counter("sluicegate_audit_void_records", "Records of the audit log that do not continue its chain")
AUDIT_SKIPPED = Counter(
    "sluicegate_audit_skipped_records", "Records skipped, because they are already in the audit log", ["topic"]
)
SNAPSHOT_BYTES = Counter("sluicegate_snapshot_bytes", "Snapshot bytes written, before compression")


def count_events(partition: int, kinds: Mapping[bool, Sequence[int]]) -> None:
    """Count a flush of ingest: users' and (True) synthetic events by outcome class, and last the heartbeats."""
    *synthetic, beats = kinds[True]
    outcomes = (*CLASSES, "heartbeat", "synthetic")
    for outcome, number in zip(outcomes, (*kinds[False][:-1], kinds[False][-1] + beats, sum(synthetic)), strict=True):
        if number:
            EVENTS.labels(partition, outcome).inc(number)


def forget_source_partitions(partitions: Iterable[int]) -> None:
    """Remove the gauges of source partitions that another worker reads now."""
    for partition in partitions:
        remove(INGEST_LAG, str(partition))


def remove(metric: Gauge | Counter, *labels: str) -> None:
    """Remove what a metric has under these labels, if anything."""
    with contextlib.suppress(KeyError):  # it was never set
        metric.remove(*labels)
