"""How long what an advance still needs takes, at the present traffic and if the candidate is like the baseline.

The figures agree with those of `sluicegate plan` for the same traffic.
"""

from __future__ import annotations

from math import ceil, inf, isinf

from gates.comparison.evidence import SUSPICION
from gates.text import estimate
from streams.views.wording import Document

LOST = ("late", "unreadable", "refused")
"""The events of a cohort that are not counted, by cause."""


def cohorts_needed(status: Document) -> tuple[str, ...]:
    """The cohorts that should have traffic: with all of it at the candidate, the baseline may be silent."""
    compared = status["stages"][status["stage_index"]]["weight"] < 1.0
    names = status["cohorts"]
    return (names["candidate"], names["baseline"]) if compared else (names["candidate"],)


def rate(status: Document, cohort: str) -> float:
    """Requests a second of a cohort, over its longest window."""
    figures = status["slis"].get(cohort)
    return figures["requests"] * 1000.0 / figures["window_ms"] if figures else 0.0


def requests_left(status: Document) -> float:
    """Seconds until each cohort has the requests that a PASS needs; infinite without traffic."""
    needs = status.get("needs") or {}
    known = needs.get("requests", {})
    left = [(name, needs["min_requests"] - known[name]) for name in cohorts_needed(status) if name in known]
    return max((_time(number, rate(status, name)) for name, number in left), default=0.0)


def check_left(status: Document, check: Document) -> str:
    """How long until the check passes, to be read after its reason; "" where that is not a matter of time."""
    if check["verdict"] not in ("INCONCLUSIVE", "NO_DATA") or (check.get("e_value") or 0.0) >= SUSPICION:
        return ""
    evidence = (status.get("needs") or {}).get("pass_s", {}).get(check["name"], 0.0)
    seconds = max(requests_left(status), inf if evidence is None else evidence)
    if not seconds:
        return ""
    if isinf(seconds):
        return "; it never passes at the present traffic"
    return f"; about {estimate(seconds)} more at the present traffic"


def passes_left(status: Document) -> str:
    """How long the passes in a row take that are missing."""
    passes, pane_ms = status["passes"], (status.get("needs") or {}).get("pane_ms")
    return f"; {estimate((passes['needed'] - passes['so_far']) * pane_ms / 1000.0)} at least" if pane_ms else ""


def events_left(status: Document, cohort: str) -> str:
    """How many events without a loss make up for the cohort's missing ones in the stage; "" where none would."""
    least, known = float(status["min_completeness"]), status["telemetry"].get(cohort)
    if known is None or least >= 1.0 or known["completeness"] >= least:
        return ""
    events = known["requests"] + sum(known.get(cause, 0) for cause in LOST)
    lost = events * (1.0 - known["completeness"])
    more = max(1, ceil(lost / (1.0 - least) - events - 1e-9))
    return f"; {more:,} more events without a loss{_at(_time(more, rate(status, cohort)))}"


def _time(number: float, per_second: float) -> float:
    if number <= 0:
        return 0.0
    return number / per_second if per_second else inf


def _at(seconds: float) -> str:
    return ", about " + estimate(seconds) if not isinf(seconds) else ", and there are none now"
