"""Random journals: a policy, and episodes of traffic, outages and words, rendered into the records of one journal.

A `Script` is what happens in the world; `render` writes it down as workers would, once a second, in one of several ways
that must not matter (sliced, repeated, reordered); `play` folds it, with an actuator that acks or does not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Literal

import orjson
from hypothesis import strategies as st

from gates.decisions import Command, Decision
from gates.gate import Gate
from gates.panes import CLASSES
from gates.stats.histogram import Histogram
from streams.journal import (
    Ack,
    CellRecord,
    Control,
    Origin,
    Partial,
    Progress,
    Record,
    SourcePartition,
    SourceProgress,
    Start,
    Timing,
    decode,
    encode,
)
from streams.judge.fold import Fold, Outcome

T0 = 1_767_225_600_000
ROLLOUT = "checkout-v2"
CANDIDATE, BASELINE = "canary", "stable"
SOURCES = (SourcePartition("request-events", 0), SourcePartition("request-events", 1))
SECOND = 1_000
CHUNK_SECONDS = 5
TIMING = Timing(out_of_orderness=2_000, idle_timeout=3_000, stall_timeout=8_000)
OK, BAD = CLASSES.index("2xx"), CLASSES.index("5xx")

SourceState = Literal["live", "silent", "stalled", "unheard"]
Document = dict[str, Any]


@dataclass(frozen=True)
class Episode:
    """Some seconds in which the world stays as it is, and the word that is said at their end.

    A `silent` source has no events; a `stalled` one keeps them back and is reported so; an `unheard` one is not even
    reported. With `late` the candidate's events come so many seconds after their time.
    """

    seconds: int
    requests: tuple[int, int] = (20, 20)  # candidate, baseline; per second
    errors: tuple[float, float] = (0.0, 0.0)
    latency_ms: float = 10.0
    sources: tuple[SourceState, SourceState] = ("live", "live")
    late: int = 0
    word: str | None = None


@dataclass(frozen=True)
class Script:
    """A policy and what happens under it; `acks` is what the actuator does with each decision."""

    policy: Document
    episodes: tuple[Episode, ...]
    acks: Literal["at once", "slow", "never"] = "at once"


@cache
def _bucket(latency_ms: float) -> int:
    (index,), _ = Histogram.of([latency_ms]).to_lists()
    return index


@dataclass
class _Source:
    """One source partition's log as a worker journals it: the open chunk and how far it reaches."""

    at: SourcePartition
    start: int = 0
    upto: int = 0
    slot: int = 0
    newest: int | None = None
    cells: dict[tuple[str, int], tuple[list[int], Counter[int]]] = field(default_factory=dict)
    waiting: list[tuple[int, str, int, int, int, float]] = field(default_factory=list)

    def add(self, cohort: str, start: int, good: int, bad: int, latency_ms: float) -> None:
        if not good + bad:
            return
        counts, buckets = self.cells.setdefault((cohort, start), ([0] * len(CLASSES), Counter()))
        counts[OK] += good
        counts[BAD] += bad
        buckets[_bucket(latency_ms)] += good + bad
        self.upto += good + bad
        self.newest = max(self.newest or 0, start + SECOND - 1)

    def version(self, *, final: bool) -> Partial:
        return Partial(
            rollout=ROLLOUT,
            source=self.at,
            start=self.start,
            upto=self.upto,
            final=final,
            cells=[
                CellRecord(cohort, start, tuple(counts), sorted(buckets), [buckets[index] for index in sorted(buckets)])
                for (cohort, start), (counts, buckets) in self.cells.items()
            ],
        )

    def next_chunk(self) -> None:
        self.start, self.cells = self.upto, {}


def render(script: Script, *, slices: int = 1, repeats: bool = False, reorder: bool = False) -> Iterator[Record]:
    """Write the script down, second by second: partials, then one progress record, then what is said.

    `slices` cuts each second into so many versions; `repeats` tells old versions again; `reorder` lets half of each
    second's events arrive a second later, which is within the lateness allowed, and swaps the sources.
    """
    sources = [_Source(at) for at in SOURCES]
    written: list[Partial] = []
    yield a_start(script.policy)
    second, offsets = 0, iter(range(10**6))
    for episode in script.episodes:
        for index in range(episode.seconds):
            fresh: list[Partial] = []
            last = index + 1 == episode.seconds
            for number, source in enumerate(sources):
                fresh += _second(source, number, episode, second, slices, delay=reorder and not last)
            yield from reversed(fresh) if reorder and slices == 1 and len(fresh) == 2 else fresh
            written += fresh
            if repeats and written:
                yield written[(second * 7) % len(written)]
                yield from written[-3:]
            progress = _progress(sources, episode, second)
            yield progress
            if repeats:
                yield progress
            second += 1
        if episode.word is not None:
            yield from said(episode.word, script.policy, T0 + second * SECOND, next(offsets))


def _second(
    source: _Source, number: int, episode: Episode, second: int, slices: int, *, delay: bool
) -> Iterator[Partial]:
    state, now = episode.sources[number], T0 + second * SECOND
    if state != "silent":
        for cohort, requests, share in zip((CANDIDATE, BASELINE), episode.requests, episode.errors, strict=True):
            here = requests // 2 + (requests % 2 if number == 0 else 0)
            bad = round(here * share)
            late = episode.late if cohort == CANDIDATE else 0
            latency = episode.latency_ms if cohort == CANDIDATE else 10.0
            half = (here - bad) // 2 if delay else 0
            source.waiting.append((second + late, cohort, now, here - bad - half, bad, latency))
            source.waiting.append((second + late + 1, cohort, now, half, 0, latency))
    if state in ("stalled", "unheard"):
        return
    due = [entry for entry in source.waiting if entry[0] <= second]
    source.waiting = [entry for entry in source.waiting if entry[0] > second]
    if not any(good + bad for _, _, _, good, bad, _ in due):
        return
    if second // CHUNK_SECONDS != source.slot and source.cells:
        yield source.version(final=True)
        source.next_chunk()
    source.slot = second // CHUNK_SECONDS
    for part in range(slices):
        before = source.upto
        for _, cohort, start, good, bad, latency in due:
            source.add(cohort, start, _slice(good, part, slices), _slice(bad, part, slices), latency)
        if source.upto > before:
            yield source.version(final=False)


def _slice(number: int, part: int, slices: int) -> int:
    return number * (part + 1) // slices - number * part // slices


def _progress(sources: list[_Source], episode: Episode, second: int) -> Progress:
    reports = [
        SourceProgress(source.at, source.upto, source.newest, state != "stalled")
        for source, state in zip(sources, episode.sources, strict=True)
        if state != "unheard"
    ]
    return Progress(worker="w1", wall=T0 + (second + 1) * SECOND, sources=reports)


def a_start(policy: Document, at: int = T0, offset: int | None = None) -> Start:
    """Return an operator's start."""
    origin = None if offset is None else Origin("rollout-policies", 0, offset)
    return Start(rollout=ROLLOUT, policy=policy, by="ada", at=at, timing=TIMING, origin=origin)


def said(word: str, policy: Document, at: int, offset: int) -> Iterator[Record]:
    """Give the records of a word: an operator's, or an ack that is none."""
    if word == "start":
        yield a_start(policy, at, offset)
    elif word == "start anew":
        yield a_start({**policy, "owner": f"team-{offset}"}, at, offset)
    elif word.startswith("bad ack"):
        fields: Document = {"status": "applied", "epoch": 99} if word == "bad ack: epoch" else {"status": "rejected"}
        known: Document = {"epoch": 1, "sequence": 1, "weights": {}, "actuator": "x", "at": at}
        yield Ack(id=f"{ROLLOUT}:1:1", rollout=ROLLOUT, **(known | fields))
    else:
        control: Any = word
        origin = Origin("rollout-controls", 0, offset)
        order = Control(rollout=ROLLOUT, control=control, by="ada", reason="because", at=at, origin=origin)
        yield order
        yield order  # the sequencer repeats itself: heard once


@dataclass
class Step:
    """One record, what was published for it, and the gate after it."""

    offset: int
    record: Record
    outcomes: list[Outcome]
    gate: Gate | None

    @property
    def decisions(self) -> list[Decision]:
        """The decisions among the outcomes."""
        return [outcome for outcome in self.outcomes if isinstance(outcome, Decision)]


def acknowledged(decision: Decision) -> Ack:
    """Return the ack of an actuator that did as it was told."""
    return Ack(
        id=decision.id,
        rollout=decision.rollout,
        epoch=decision.epoch,
        sequence=decision.sequence,
        actuator="router",
        status="applied",
        weights=dict(decision.weights),
        at=decision.event_time,
    )


def play(script: Script, records: Iterator[Record] | None = None, fold: Fold | None = None) -> Iterator[Step]:
    """Fold the script's records, each through its bytes, with the script's actuator answering."""
    fold = fold or Fold(0)
    for record in render(script) if records is None else records:
        queue: list[Record] = [record]
        while queue:
            offset = fold.offset + 1
            given = decode(encode(queue.pop(0)))
            outcomes = fold.apply(given, offset)
            known = fold.rollouts.get(ROLLOUT)
            step = Step(offset, given, outcomes, None if known is None else known.gate)
            yield step
            if script.acks == "at once":
                queue += [acknowledged(decision) for decision in step.decisions]
        if script.acks == "slow" and isinstance(record, Progress) and record.wall // SECOND % 3 == 0:
            gate = fold.rollouts[ROLLOUT].gate
            if gate is not None and gate.state.pending is not None and gate.state.last is not None:
                given = acknowledged(gate.state.last)
                offset = fold.offset + 1
                yield Step(offset, given, fold.apply(given, offset), gate)


def decisions(steps: Iterator[Step]) -> list[Decision]:
    """Return all decisions, repeats and all."""
    return [decision for step in steps for decision in step.decisions]


def published(outcomes: list[Outcome], *, journal: bool = True) -> list[bytes]:
    """Return what goes out on the topics of decisions and commands, byte for byte; without the `journal` offsets."""
    documents = [outcome.document() for outcome in outcomes if isinstance(outcome, Decision | Command)]
    return [orjson.dumps(document if journal else {**document, "journal": None}) for document in documents]


CHECKS: dict[str, Document] = {
    "limit": {"sli": "error_rate", "limit": "20%", "window": "5s", "min_events": 5},
    "ratio": {"sli": "error_rate", "ratio": 1.25, "limit": "90%", "window": "4s", "min_events": 5},
    "slower": {"sli": "latency", "quantile": 0.5, "ratio": 1.2, "limit": "900ms", "window": "4s", "min_events": 5},
    "slow": {"sli": "latency", "quantile": 0.9, "limit": "500ms", "window": "4s", "min_events": 5},
}
WEIGHTS = (("10%",), ("5%", "50%"), ("10%", "100%"), ("1%", "10%", "100%"))


@st.composite
def policies(draw: st.DrawFn) -> Document:
    """Draw a policy with short stages."""
    stages = [
        {"name": f"s{index}", "weight": weight, "bake": f"{draw(st.integers(4, 9))}s"}
        for index, weight in enumerate(draw(st.sampled_from(WEIGHTS)))
    ]
    names = draw(st.sets(st.sampled_from(sorted(CHECKS)), min_size=1))
    return {
        "schema": "sluicegate.policy/v1",
        "rollout": ROLLOUT,
        "cohorts": {"baseline": BASELINE, "candidate": CANDIDATE},
        "stages": stages,
        "checks": {name: CHECKS[name] for name in sorted(names)},
        "min_requests": draw(st.sampled_from([1, 40, 150])),
        "no_data": {"hold_after": "4s", "pause_after": "12s"},
        "commands": {"ack_within": "2s", "tries": 2},
    }


CONTROLS = ("pause", "resume", "rollback", "promote")
WORDS = (*CONTROLS, "start", "start anew", "bad ack: epoch", "bad ack: rejected")
STATES: tuple[SourceState, ...] = ("live", "silent", "stalled", "unheard")
_usually_live = st.one_of(st.just("live"), st.just("live"), st.sampled_from(STATES))


CALM = st.builds(Episode, seconds=st.integers(12, 24), requests=st.just((200, 300)))
"""Traffic as it should be, long enough for a stage to pass."""


def episodes(*, healthy: bool = False, words: tuple[str, ...] = WORDS) -> st.SearchStrategy[Episode]:
    """Draw an episode, half of them calm; a `healthy` one has neither errors nor slow requests."""
    wild = st.builds(
        Episode,
        seconds=st.integers(1, 16),
        requests=st.tuples(st.sampled_from([0, 6, 40]), st.sampled_from([0, 40, 90])),
        errors=st.just((0.0, 0.0)) if healthy else st.sampled_from([(0.0, 0.0)] * 3 + [(0.1, 0.1), (0.3, 0.0), (1, 1)]),
        latency_ms=st.just(10.0) if healthy else st.sampled_from([10.0, 10.0, 400.0, 2_000.0]),
        sources=st.tuples(_usually_live, _usually_live),
        late=st.sampled_from([0, 0, 0, 1, 6]),
        word=st.one_of(st.none(), st.none(), st.sampled_from(words)),
    )
    return st.one_of(CALM, CALM, wild, wild)


def scripts(*, healthy: bool = False, words: tuple[str, ...] = WORDS) -> st.SearchStrategy[Script]:
    """Draw a script of up to eight episodes."""
    return st.builds(
        Script,
        policy=policies(),
        episodes=st.lists(episodes(healthy=healthy, words=words), min_size=1, max_size=8).map(tuple),
        acks=st.sampled_from(["at once", "at once", "slow", "never"]),
    )


def without_candidate(script: Script) -> Script:
    """Return the same script in which the candidate never has a request."""
    return replace(script, episodes=tuple(replace(each, requests=(0, each.requests[1])) for each in script.episodes))
