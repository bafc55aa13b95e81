"""The metrics of rollouts: set from their statuses, and removed when a rollout has ended or moved."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import Counter, Gauge

from gates.machine.transitions import ENDED
from gates.telemetry import WHY_MISSING
from gates.verdicts import VerdictKind
from streams.runtime import metrics

IDLE_SHOWN_S = 900.0
"""For how long the metrics of an ended rollout are shown: several scrapes, and the time that alerts look back over."""


def show_status(status: Mapping[str, Any]) -> None:
    """Set the gauges of one rollout from its status document."""
    rollout = status["rollout"]
    if status.get("phase") in _ENDED and status.get("confirmed"):
        _idle_since.setdefault(rollout, time.monotonic())
    else:
        _idle_since.pop(rollout, None)
    if rollout not in _shown:
        _shown[rollout] = _Shown(rollout)
    _shown[rollout].show(status)


def forget_rollout(rollout: str) -> None:
    """Remove a rollout's gauges: another worker judges it now, and two workers must not show different values."""
    shown = _shown.pop(rollout, None)
    if shown is not None:
        shown.remove()
    _idle_since.setdefault(rollout, time.monotonic())


def count(counter: Counter, rollout: str, *labels: str, by: float = 1.0) -> None:
    """Count something of a rollout; the counter goes with the other metrics of the rollout."""
    counter.labels(rollout, *labels).inc(by)
    _counted.setdefault(rollout, set()).add((counter, labels))
    if rollout not in _shown:  # it ended long ago, or its first status follows
        _idle_since[rollout] = time.monotonic()


def forget_idle_rollouts() -> None:
    """Remove all metrics of rollouts that ended a while ago, or that another worker judges now.

    Every rollout has about 26 lines. Without this, a worker that has judged thousands would show them without end.
    """
    due = time.monotonic() - IDLE_SHOWN_S
    for rollout in [rollout for rollout, since in _idle_since.items() if since <= due]:
        forget_rollout(rollout)
        for counter, labels in _counted.pop(rollout, ()):
            metrics.remove(counter, rollout, *labels)
        del _idle_since[rollout]


def forget_journal_partition(partition: int, rollouts: Iterable[str]) -> None:
    """Remove the gauges of a journal partition, and of its rollouts, which another worker judges now."""
    for rollout in rollouts:
        forget_rollout(rollout)
    for gauge in (
        metrics.WATERMARK_DELAY,
        metrics.CLOCK_LEAP,
        metrics.JOURNAL_LAG,
        metrics.IGNORED,
        metrics.UNSNAPSHOTTED,
        metrics.SET_ASIDE,
    ):
        metrics.remove(gauge, str(partition))


class _Shown:
    """The gauges of one rollout, each looked up once and set only if its value changed.

    Every rollout has a status per second, and most values stay the same.
    """

    def __init__(self, rollout: str) -> None:
        self._rollout = rollout
        self._gauges: dict[tuple[Gauge, tuple[str, ...]], Gauge] = {}
        self._values: dict[tuple[Gauge, tuple[str, ...]], float] = {}
        self._verdicts: dict[str, str] = {}
        self._reports: set[tuple[str, str]] = set()

    def show(self, status: Mapping[str, Any]) -> None:
        self._set(metrics.COMPLETENESS, status["completeness"])
        for cohort, known in status["telemetry"].items():
            self._set(metrics.COHORT_COMPLETENESS, known["completeness"], cohort)
            for cause in WHY_MISSING:
                self._set(metrics.MISSING_EVENTS, known[cause], cohort, cause)
        for cohort, weight in status["weights"].items():
            self._set(metrics.WEIGHT, weight, cohort)
        for cohort, slis in status["slis"].items():
            self._set(metrics.REQUESTS, slis["requests"], cohort)
            self._set(metrics.ERROR_RATE, _number(slis["error_rate"]), cohort)
            for quantile in ("p50", "p95", "p99"):
                self._set(metrics.LATENCY, _number(slis[quantile]) / 1000.0, cohort, f"0.{quantile[1:]}")
        self._show_order(status.get("order"))
        for check in status["checks"]:
            self._show_verdict(check["name"], check["verdict"])
            if "e_value" in check:
                self._set(metrics.E_VALUE, check["e_value"], check["name"])
        self._show_blocks(status.get("blocks") or {})

    def _show_order(self, order: Mapping[str, Any] | None) -> None:
        """Whether the newest order is confirmed, and each actuator's report on it.

        Reports on older orders are removed, not set to 0: whoever may write acks chooses the names of actuators.
        """
        self._set(metrics.UNCONFIRMED, float(order is not None and not order["confirmed"]))
        reports = set() if order is None else set(_reports(order))
        for gone in self._reports - reports:
            metrics.REPORT.remove(self._rollout, *gone)
            del self._gauges[metrics.REPORT, gone], self._values[metrics.REPORT, gone]
        for report in reports:
            self._set(metrics.REPORT, 1.0, *report)
        self._reports = reports

    def _show_blocks(self, blocks: Mapping[str, Any]) -> None:
        """What is measured on the baseline, by check; once the rollout has ended, nothing is."""
        for check, known in blocks.items():
            self._set(metrics.CORRELATION, known["rho_s"], check)
            self._set(metrics.DISPERSION, known["phi"], check)
        for gauge in (metrics.CORRELATION, metrics.DISPERSION) if not blocks else ():
            for key in [key for key in self._gauges if key[0] is gauge]:
                gauge.remove(self._rollout, *key[1])
                del self._gauges[key], self._values[key]

    def _show_verdict(self, check: str, verdict: str) -> None:
        if self._verdicts.get(check) != verdict:
            for outcome in VerdictKind:
                self._set(metrics.VERDICT, verdict == outcome.value, check, outcome.value)
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
_counted: dict[str, set[tuple[Counter, tuple[str, ...]]]] = {}
_idle_since: dict[str, float] = {}
"""By rollout, since when there is nothing new to show: it has ended and its last order is confirmed, or it moved."""

_ENDED = frozenset(phase.value for phase in ENDED)


def _reports(order: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Actuators, each with what it reported on the order."""
    reported = set()
    for report in order["reports"]:
        reported.add(report["actuator"])
        mismatched = report["status"] == "applied" and not report["confirms"]
        yield report["actuator"], "mismatched" if mismatched else report["status"]
    for actuator in order["waiting_for"]:
        if actuator not in reported:
            yield actuator, "missing"


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
