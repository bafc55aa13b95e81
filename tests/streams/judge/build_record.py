"""What one build of the judge made of stories: their journals, its snapshots and its decisions, as bytes.

The last landed build's is kept in `build.ndjson.xz`, and `test_upgrade` continues it with this build. To record another
one, check that build out, and run this file with its packages and tests on the path:

    PYTHONPATH=CHECKOUT python tests/streams/judge/build_record.py tests/streams/judge/build.ndjson.xz
"""

from __future__ import annotations

import json
import lzma
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from gates.decisions import Command, Decision
from gates.policy import Policy
from gates.rules import CURRENT
from streams.journal import Record, Timing, decode, encode, encode_document
from streams.judge.fold import Fold
from streams.judge.outputs import FoldOutput
from streams.judge.snapshots import snapshot
from streams.offline.replay import Replay
from tests.golden.generate import events
from tests.golden.test_golden import read, words
from tests.paths import ROOT

RECORDED = Path(__file__).with_name("build.ndjson.xz")

STORIES = ("error-spike", "metric-quantile", "latency-regression", "budget-spent", "burn-rate", "pause-reminders")
"""Of each kind of check one, orders of a person, repeated orders, and epochs that end."""

ROOT_OF_STORIES = ROOT / "tests" / "golden"

SNAPSHOT_EVERY = 45
"""Records of the journal between two snapshots."""

Snapshot = tuple[bytes, bytes]


@dataclass(slots=True)
class Taken:
    """What a judge took in and gave at one offset of the journal: the record, what was published, and snapshots."""

    record: bytes
    published: list[bytes] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)


@dataclass(slots=True)
class Recorded:
    """One story under the rules of one number, by offset in the journal."""

    story: str
    rules: int
    taken: list[Taken] = field(default_factory=list)


class RecordingFold(Fold):
    """A fold that keeps all that goes in and comes out; records pass through bytes, as in a live judge."""

    def __init__(self, recorded: Recorded) -> None:
        super().__init__(0)
        self.recorded = recorded

    def apply(self, record: Record, offset: int) -> list[FoldOutput]:
        """Apply the record, and keep what came of it."""
        value = encode(record)
        outputs = super().apply(decode(value), offset)
        taken = Taken(value, published(outputs))
        if offset % SNAPSHOT_EVERY == SNAPSHOT_EVERY - 1:
            taken.snapshots = snapshot(self)
        self.recorded.taken.append(taken)
        return outputs


def published(outputs: list[FoldOutput]) -> list[bytes]:
    """The values of the messages for actuators."""
    return [encode_document(output.document()) for output in outputs if isinstance(output, Decision | Command)]


def record_story(name: str, rules: int) -> Recorded:
    """Judge a story by the build that is on the path."""
    story = ROOT_OF_STORIES / name
    policy = Policy.parse(yaml.safe_load((story / "policy.yaml").read_text(encoding="utf-8")))
    described = read(story / "events.json", None)
    options = {"acks": "auto", "timing": {}} | read(story / "options.json", {})
    recorded = Recorded(name, rules)
    replay = Replay(policy, timing=Timing(**options["timing"]), acks=options["acks"] == "auto", rules=rules)
    replay._fold = RecordingFold(recorded)
    orders = words(story, described["start"], policy, rules)
    for _ in replay.run(events(described), orders):
        pass
    return recorded


def write(path: Path) -> None:
    """Record every story under every number of rules that the build has."""
    lines: list[object] = []
    for name in STORIES:
        for rules in range(1, CURRENT + 1):
            recorded = record_story(name, rules)
            lines.append({"story": name, "rules": rules})
            for taken in recorded.taken:
                line = {"record": taken.record.decode()}
                more = {
                    "published": [value.decode() for value in taken.published],
                    "snapshots": [[key.decode(), value.decode()] for key, value in taken.snapshots],
                }
                lines.append(line | {key: values for key, values in more.items() if values})
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    path.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))


def recorded_build() -> Iterator[Recorded]:
    """The stories of the last landed build."""
    recorded: Recorded | None = None
    for line in map(json.loads, lzma.decompress(RECORDED.read_bytes()).decode().splitlines()):
        if recorded is None or "story" in line:
            if recorded is not None:
                yield recorded
            recorded = Recorded(line["story"], line["rules"])
            continue
        snapshots = [(key.encode(), value.encode()) for key, value in line.get("snapshots", [])]
        published = [value.encode() for value in line.get("published", [])]
        recorded.taken.append(Taken(line["record"].encode(), published, snapshots))
    if recorded is not None:
        yield recorded


if __name__ == "__main__":
    write(Path(sys.argv[1]))
