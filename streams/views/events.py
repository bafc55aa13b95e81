"""The check of request events: a line per fault, and a summary."""

from __future__ import annotations

from connectors.decoders.check import LineFault, Summary
from streams.views.wording import counted, rfc3339


def fault_line(file: str, fault: LineFault) -> str:
    """Where the fault is and what it is."""
    element = "" if fault.position is None else f"element {fault.position}: "
    return f"{file}:{fault.line}: {fault.reason}: {element}{fault.detail}"


def check_summary(summary: Summary, faults_not_shown: int) -> str:
    """One line: events, rollouts, cohorts, time range, faults by reason, faults not shown."""
    cohorts = sum(map(len, summary.cohorts.values()))
    parts = [f"{counted(summary.events, 'event')} in {counted(len(summary.cohorts), 'rollout')}"]
    parts.append(counted(cohorts, "cohort"))
    if summary.first_ts_ms is not None and summary.last_ts_ms is not None:
        parts.append(f"{rfc3339(summary.first_ts_ms)} to {rfc3339(summary.last_ts_ms)}")
    reasons = ", ".join(f"{reason} {number:,}" for reason, number in summary.faults.most_common())
    parts.append(counted(summary.faults.total(), "fault") + (f" ({reasons})" if reasons else ""))
    if faults_not_shown:
        parts.append(f"{faults_not_shown:,} more not shown")
    return "; ".join(parts)
