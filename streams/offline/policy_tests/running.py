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
from streams.offline.policy_tests.judging import JudgedTraffic, judge_events, judge_traffic
from streams.offline.policy_tests.matching import ExpectationPair

TestStatus = Literal["ok", "failed", "unreadable"]


@dataclass(frozen=True, slots=True)
class PolicyTestResult:
    """The result of one test; `faults` are sentences, none if it is ok; `notes` are for the reader in any case."""

    folder: Path
    status: TestStatus
    seconds: float
    about: str | None = None
    pairs: tuple[ExpectationPair, ...] = ()
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
            "comparison": [{"expected": each.expected, "found": each.found, "fits": each.fits} for each in self.pairs],
            "decisions": [decision.document() for decision in self.decisions],
        }


def _encodable(text: str) -> str:
    """Replace what is not text: a file name may hold any bytes."""
    return text.encode(errors="replace").decode()


def run_test(folder: Path) -> PolicyTestResult:
    """Run the test in a folder; every fault of it is in the result."""
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
        return PolicyTestResult(folder, "unreadable", perf_counter() - began, faults=tuple(str(error).splitlines()))
    compared = compare(test, judged.decisions, judged.start_ms)
    return PolicyTestResult(
        folder,
        "failed" if compared.faults else "ok",
        perf_counter() - began,
        test.about,
        compared.pairs,
        compared.faults,
        _notes(judged),
        tuple(judged.decisions),
    )


def _notes(judged: JudgedTraffic) -> tuple[str, ...]:
    reasons = ", ".join(f"{reason} {number:,}" for reason, number in judged.faults.most_common())
    return (f"lines that are not events: {reasons}",) if reasons else ()
