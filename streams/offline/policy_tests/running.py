"""One policy test from its folder to its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Literal

from gates.decisions import Decision
from streams.offline.policy_tests.comparison import compare
from streams.offline.policy_tests.folders import DEFAULT_EVENTS, UnreadableError, load_test
from streams.offline.policy_tests.judging import Judged, judge_events, judge_traffic
from streams.offline.policy_tests.matching import Row

Status = Literal["ok", "failed", "unreadable"]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a test; `faults` are sentences, none where it is ok, `notes` are worth knowing in any case."""

    folder: Path
    status: Status
    seconds: float
    about: str | None = None
    rows: tuple[Row, ...] = ()
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()

    def document(self) -> Mapping[str, object]:
        """The result as JSON values."""
        return {
            "test": _encodable(str(self.folder)),
            "status": self.status,
            "about": self.about,
            "seconds": round(self.seconds, 3),
            "faults": list(map(_encodable, self.faults)),
            "notes": list(self.notes),
            "comparison": [{"expected": row.expected, "found": row.found, "fits": row.fits} for row in self.rows],
            "decisions": [decision.document() for decision in self.decisions],
        }


def _encodable(text: str) -> str:
    """Names of files may hold bytes that are no text."""
    return text.encode(errors="replace").decode()


def run_test(folder: Path) -> Result:
    """Run the test in a folder; whatever is wrong with it is in the result."""
    began = perf_counter()
    try:
        loaded = load_test(folder)
        test, policy = loaded.test, loaded.policy
        if test.simulated is None:
            judged = judge_events(test, policy, loaded.lines)
        else:
            judged = judge_traffic(test, policy, test.simulated)
        if judged is None:
            raise UnreadableError(f"{folder / (test.events or DEFAULT_EVENTS)}: holds no events")
    except UnreadableError as error:
        return Result(folder, "unreadable", perf_counter() - began, faults=tuple(str(error).splitlines()))
    compared = compare(test, judged.decisions, judged.start_ms)
    return Result(
        folder,
        "failed" if compared.faults else "ok",
        perf_counter() - began,
        test.about,
        compared.rows,
        compared.faults,
        _notes(judged),
        tuple(judged.decisions),
    )


def _notes(judged: Judged) -> tuple[str, ...]:
    reasons = ", ".join(f"{reason} {number:,}" for reason, number in judged.faults.most_common())
    return (f"lines that are no events: {reasons}",) if reasons else ()
