"""Recorded request events in files, separated by rollout, and judged by a policy as `replay` judges them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from connectors.decoders.registry import decoder
from gates.decisions import Decision
from gates.policy import Policy, PolicyError
from streams.offline.backtest.counterfactual import cohorts_differ, renamed
from streams.offline.replay import Replay, distinct_decisions


@dataclass(slots=True)
class Recording:
    """A file of events, one message value per line: the cohorts of each rollout, and faults by reason."""

    file: Path
    cohorts: dict[str, set[str]] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)

    def decisions_by(self, policy: Policy, rollout: str) -> list[Decision]:
        """The policy's decisions on one rollout in the file, each confirmed at once.

        Raises:
            OSError: the file cannot be read any more.
        """
        with self.file.open("rb") as lines:
            of_rollout: Iterable[bytes] = lines if len(self.cohorts) == 1 else filter(_names(rollout), lines)
            return list(distinct_decisions(Replay(renamed(policy, rollout)).run(of_rollout)))


def read_recording(file: Path) -> Recording:
    """Read through a file.

    Raises:
        OSError: it cannot be read.
    """
    found, decode = Recording(file), decoder().decode
    with file.open("rb") as lines:
        for line in lines:
            if line.isspace():
                continue
            decoded = decode(line)
            found.faults.update(fault.reason for fault in decoded.faults)
            for event in decoded.counted:
                found.cohorts.setdefault(event.rollout, set()).add(event.cohort)
    return found


def why_not_judged(policy: Policy, rollout: str, cohorts: Iterable[str]) -> str:
    """Why a policy cannot judge a recorded rollout with these cohorts; empty if it can."""
    try:
        renamed(policy, rollout)
    except PolicyError as error:
        return str(error)
    return cohorts_differ(policy.cohorts, cohorts)


def _names(rollout: str) -> Callable[[bytes], bool]:
    def names(line: bytes) -> bool:
        found = decode(line)
        named = [event.rollout for event in found.counted] + [event.rollout for event in found.unreadable]
        return rollout in named

    decode = decoder().decode
    return names


def event_files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files themselves, and all NDJSON files in each folder and its subfolders, in the order of their paths.

    Raises:
        FileNotFoundError: a folder holds none.
    """
    for path in paths:
        if not path.is_dir():
            yield path
        elif files := sorted(path.rglob("*.ndjson")):
            yield from files
        else:
            raise FileNotFoundError(0, "holds no *.ndjson file", str(path))
