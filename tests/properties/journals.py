"""Random journals: a policy, and episodes of traffic, outages and orders, rendered into the records of one journal.

A `Script` is what happens in the world; `render` writes it down as workers would, once a second, in one of several ways
that must not matter (sliced, repeated, reordered); `play` folds it, with actuators that do as ordered or do not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import blake2b
from typing import Any, Literal

import orjson
from hypothesis import strategies as st

from gates.decisions import Command, Decision
from gates.gate import Gate
from gates.panes import CLASSES, NO_HALVES, smallest
from gates.rules import CURRENT, FIRST
from gates.stats.histogram import Histogram
from gates.stats.value_counts import bucket_of
from streams.cells import CellRecord, DetailRecord, SourcePartition
from streams.journal import (
    Ack,
    Control,
    Origin,
    Partial,
    Progress,
    Record,
    SourceProgress,
    Start,
    Timing,
    decode,
    encode,
)
from streams.judge.fold import Fold
from streams.judge.outputs import FoldOutput
from tests.properties.actuators import ROUTER, Actuator, actuators

T0 = 1_767_225_600_000
ROLLOUT = "checkout-v2"
CANDIDATE, BASELINE = "canary", "stable"
SOURCES = (SourcePartition("request-events", 0), SourcePartition("request-events", 1))
SECOND = 1_000
CHUNK_SECONDS = 5
TIMING = Timing(out_of_orderness=2_000, idle_timeout=3_000, stall_timeout=8_000)
OK, BAD = CLASSES.index("2xx"), CLASSES.index("5xx")

SourceState = Literal["live", "silent", "stalled", "unreported"]
Hiding = Literal["late", "unreadable", "refused", "clamped"]
Document = dict[str, Any]


@dataclass(frozen=True)
class Episode:
    """Some seconds in which the world stays as it is, and the order that is given at their end.

    A `silent` source has no events; a `stalled` one keeps them back and is reported as stalled; an `unreported` one is
    missing from the progress. With `late` the events of `late_cohort` arrive that many seconds after their time, with
    `late_failures` only the share `late_share` of its failures; these may also be `hidden_by`
    something else: they cannot be read, ingest has no room for them, or their times lie too far ahead. With `details`
    each request is a transaction that fails if the request does, and its cost is its latency; with `users` there is one
    user for ten requests (users need not be split as ordered).
    `probes` are synthetic requests of each second and cohort, which fail like the others.
    """

    seconds: int
    requests: tuple[int, int] = (20, 20)  # candidate, baseline; per second
    errors: tuple[float, float] = (0.0, 0.0)
    latency_ms: float = 10.0
    sources: tuple[SourceState, SourceState] = ("live", "live")
    late: int = 0
    late_failures: int = 0
    late_share: float = 1.0
    hidden_by: Hiding = "late"
    late_cohort: str = CANDIDATE
    word: str | None = None
    details: bool = True
    users: bool = False
    probes: int = 0


@dataclass(frozen=True)
class Script:
    """A policy, what happens under it, and what carries out its orders.

    `rules` is the number of the rules of judging of the first epoch; later ones have the current rules.
    """

    policy: Document
    episodes: tuple[Episode, ...]
    actuators: tuple[Actuator, ...] = (ROUTER,)
    rules: int = CURRENT


@cache
def _bucket(latency_ms: float) -> int:
    (index,), _ = Histogram.of([latency_ms]).to_lists()
    return index


@dataclass
class _Cell:
    """What a chunk holds of one cohort and second."""

    counts: list[int] = field(default_factory=lambda: [0] * len(CLASSES))
    buckets: Counter[int] = field(default_factory=Counter)
    costs: Counter[int] = field(default_factory=Counter)
    users: set[int] = field(default_factory=set)
    details: bool = False
    unreadable: int = 0
    clamped: int = 0

    def record(self, cohort: str, start: int, synthetic: bool) -> CellRecord:
        detail = None
        if self.details or self.users:
            costs = {"cost": (sorted(self.costs), [self.costs[index] for index in sorted(self.costs)])}
            known = (self.counts[OK], self.counts[BAD]) if self.details else (0, 0)
            users = list(smallest(self.users))
            detail = DetailRecord(*known, users, list(NO_HALVES), costs if self.details else {}, [])
        buckets = sorted(self.buckets)
        latency = buckets, [self.buckets[index] for index in buckets]
        missing = self.unreadable, self.clamped
        return CellRecord(cohort, start, tuple(self.counts), *latency, synthetic, detail, *missing)


@dataclass(frozen=True)
class _Requests:
    """Requests of one cohort and second that become known at the second `due`."""

    due: int
    cohort: str
    start: int
    good: int
    bad: int
    latency_ms: float
    users: tuple[int, ...] = ()
    details: bool = False
    synthetic: bool = False
    hidden_by: Hiding = "late"

    def part(self, part: int, slices: int) -> _Requests:
        """The slice with the number `part`."""
        return replace(self, good=_slice(self.good, part, slices), bad=_slice(self.bad, part, slices))


@dataclass
class _Source:
    """One source partition's log as a worker journals it: the open chunk and how far it reaches."""

    at: SourcePartition
    start: int = 0
    upto: int = 0
    slot: int = 0
    newest: int | None = None
    cells: dict[tuple[str, int, bool], _Cell] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    waiting: list[_Requests] = field(default_factory=list)

    def add(self, given: _Requests) -> None:
        number = given.good + given.bad
        if not number:
            return
        self.upto += number
        self.newest = max(self.newest or 0, given.start + SECOND - 1)
        if given.hidden_by == "refused":
            self.refused[given.cohort] += number
            return
        cell = self.cells.setdefault((given.cohort, given.start, given.synthetic), _Cell())
        if given.hidden_by == "unreadable":
            cell.unreadable += number
            return
        cell.clamped += number if given.hidden_by == "clamped" else 0
        cell.counts[OK] += given.good
        cell.counts[BAD] += given.bad
        cell.buckets[_bucket(given.latency_ms)] += number
        cell.costs[bucket_of(given.latency_ms)] += number
        cell.users.update(given.users)
        cell.details |= given.details

    def version(self, *, final: bool) -> Partial:
        return Partial(
            rollout=ROLLOUT,
            source=self.at,
            start=self.start,
            upto=self.upto,
            final=final,
            cells=[cell.record(*key) for key, cell in self.cells.items()],
            refused=dict(self.refused),
        )

    def next_chunk(self) -> None:
        self.start, self.cells, self.refused = self.upto, {}, Counter()


def render(script: Script, *, slices: int = 1, repeats: bool = False, reorder: bool = False) -> Iterator[Record]:
    """Write the script down, second by second: partials, then one progress record, then the order.

    `slices` is the number of versions for each second; `repeats` writes old versions again; `reorder` lets half of each
    second's events arrive a second later, which is within the lateness allowed, and swaps the sources.
    """
    sources = [_Source(at) for at in SOURCES]
    written: list[Partial] = []
    yield a_start(script.policy, rules=script.rules)
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
            word = episode.word.removesuffix(" twice")
            for _ in range(1 if word == episode.word else 2):  # given twice by a person: two orders
                yield from records_of(word, script.policy, T0 + second * SECOND, next(offsets))


def _second(
    source: _Source, number: int, episode: Episode, second: int, slices: int, *, delay: bool
) -> Iterator[Partial]:
    state, now = episode.sources[number], T0 + second * SECOND
    if state != "silent":
        for cohort, requests, share in zip((CANDIDATE, BASELINE), episode.requests, episode.errors, strict=True):
            here = requests // 2 + (requests % 2 if number == 0 else 0)
            bad = round(here * share)
            late = episode.late if cohort == episode.late_cohort else 0
            latency = episode.latency_ms if cohort == CANDIDATE else 10.0
            half = (here - bad) // 2 if delay else 0
            users = tuple(_hash(cohort, second, number, n) for n in range(here // 10)) if episode.users else ()
            more: Document = {"users": users, "details": episode.details}
            hiding = episode.hidden_by if cohort == episode.late_cohort else "late"
            hidden = round(bad * episode.late_share)
            bad_late = late
            if hiding == "late" and cohort == episode.late_cohort:
                bad_late = max(late, episode.late_failures)
            source.waiting.append(
                _Requests(second + late, cohort, now, here - bad - half, bad - hidden, latency, **more)
            )
            lost = _Requests(second + bad_late, cohort, now, 0, hidden, latency, **more)
            source.waiting.append(replace(lost, hidden_by=hiding))
            source.waiting.append(_Requests(second + late + 1, cohort, now, half, 0, latency, **more))
            failed = round(episode.probes * share)
            probes = _Requests(second, cohort, now, episode.probes - failed, failed, latency, synthetic=True)
            source.waiting.append(probes)
    if state in ("stalled", "unreported"):
        return
    due = [entry for entry in source.waiting if entry.due <= second]
    source.waiting = [entry for entry in source.waiting if entry.due > second]
    if not any(entry.good + entry.bad for entry in due):
        return
    if second // CHUNK_SECONDS != source.slot and (source.cells or source.refused):
        yield source.version(final=True)
        source.next_chunk()
    source.slot = second // CHUNK_SECONDS
    for part in range(slices):
        before = source.upto
        for entry in due:
            source.add(entry.part(part, slices))
        if source.upto > before:
            yield source.version(final=False)


def _hash(*words: object) -> int:
    return int.from_bytes(blake2b(repr(words).encode(), digest_size=4).digest(), "big")


def _slice(number: int, part: int, slices: int) -> int:
    return number * (part + 1) // slices - number * part // slices


def _progress(sources: list[_Source], episode: Episode, second: int) -> Progress:
    reports = [
        SourceProgress(source.at, source.upto, source.newest, state != "stalled")
        for source, state in zip(sources, episode.sources, strict=True)
        if state != "unreported"
    ]
    return Progress(worker="w1", wall=T0 + (second + 1) * SECOND, sources=reports)


def a_start(policy: Document, at: int = T0, offset: int | None = None, rules: int = CURRENT) -> Start:
    """Return an operator's start."""
    origin = None if offset is None else Origin("rollout-policies", 0, offset)
    flags: Document = {"confirmed": True, "replace": True}
    return Start(rollout=ROLLOUT, policy=policy, by="ada", at=at, rules=rules, timing=TIMING, origin=origin, **flags)


def records_of(word: str, policy: Document, at: int, offset: int) -> Iterator[Record]:
    """Yield the records of a word: an operator's order, or an ack that confirms nothing.

    An order may name a stage, as in "approve s1", or the epoch that its operator looked at, as in "rollback epoch 1".
    """
    if word == "start":
        yield a_start(policy, at, offset)
    elif word == "start changed":
        yield a_start({**policy, "owner": f"team-{offset}"}, at, offset)
    elif word.startswith("bad ack"):
        fields: Document = {"status": "applied", "epoch": 99} if word == "bad ack: epoch" else {"status": "rejected"}
        known: Document = {"epoch": 1, "sequence": 1, "weights": {}, "actuator": "x", "at": at}
        yield Ack(id=f"{ROLLOUT}:1:1", rollout=ROLLOUT, **(known | fields))
    else:
        control: Any
        control, *names = word.split()
        epoch = int(names[1]) if "epoch" in names else None
        stage = names[0] if names and epoch is None else None
        if control == "advance" and stage is None:
            stage = policy["stages"][0]["name"]
        origin = Origin("rollout-controls", 0, offset)
        order = Control(
            rollout=ROLLOUT, control=control, by="ada", reason="because", at=at, origin=origin, epoch=epoch, stage=stage
        )
        yield order
        yield order  # the sequencer may repeat an order, which must count once


@dataclass
class Step:
    """One record, what was published for it, and the gate after it."""

    offset: int
    record: Record
    outcomes: list[FoldOutput]
    gate: Gate | None

    @property
    def decisions(self) -> list[Decision]:
        """The decisions among the outcomes."""
        return [outcome for outcome in self.outcomes if isinstance(outcome, Decision)]


def play(script: Script, records: Iterator[Record] | None = None, fold: Fold | None = None) -> Iterator[Step]:
    """Fold the script's records, each through its bytes, with the script's actuators answering its decisions."""
    fold = fold or Fold(0)
    now, known = T0, []
    waiting: list[tuple[int, Ack]] = []
    for record in render(script) if records is None else records:
        queue: list[Record] = [record]
        if isinstance(record, Progress):
            now = max(now, record.wall)
            queue += [ack for due, ack in waiting if due <= now]
            waiting = [(due, ack) for due, ack in waiting if due > now]
        while queue:
            offset = fold.offset + 1
            given = decode(encode(queue.pop(0)))
            outcomes = fold.apply(given, offset)
            rollout = fold.rollouts.get(ROLLOUT)
            step = Step(offset, given, outcomes, None if rollout is None else rollout.gate)
            yield step
            for decision in step.decisions:
                known.append(decision)
                for actuator in script.actuators:
                    acks = actuator.acks(known)
                    queue += acks if actuator.delay == 0 else []
                    waiting += [(now + actuator.delay * SECOND, ack) for ack in acks if actuator.delay]


def decisions(steps: Iterator[Step]) -> list[Decision]:
    """Return all decisions, repeats and all."""
    return [decision for step in steps for decision in step.decisions]


def published(outcomes: list[FoldOutput], *, journal: bool = True) -> list[bytes]:
    """Return what goes out on the topics of decisions and commands, byte for byte; without the `journal` offsets."""
    documents = [outcome.document() for outcome in outcomes if isinstance(outcome, Decision | Command)]
    return [orjson.dumps(document if journal else {**document, "journal": None}) for document in documents]


CHECKS: dict[str, Document] = {
    "limit": {"sli": "error_rate", "limit": "20%", "window": "5s", "min_events": 5},
    "ratio": {"sli": "error_rate", "ratio": 1.25, "limit": "90%", "window": "4s", "min_events": 5},
    "slower": {"sli": "latency", "quantile": 0.5, "ratio": 1.2, "limit": "900ms", "window": "4s", "min_events": 5},
    "slow": {"sli": "latency", "quantile": 0.9, "limit": "500ms", "window": "4s", "min_events": 5},
    "orders": {"sli": "success_rate", "ratio": 1.25, "limit": "60%", "window": "4s", "min_events": 5},
    "mean": {"sli": "metric", "metric": "cost", "ratio": 1.2, "limit": 900, "ceiling": 1000, "window": "4s"},
    "dear": {"sli": "metric", "metric": "cost", "quantile": 0.5, "ratio": 1.2, "limit": 900, "window": "4s"},
    "probes": {"sli": "error_rate", "limit": "50%", "window": "4s", "min_events": 5, "traffic": "synthetic"},
    "all": {"sli": "error_rate", "ratio": 1.5, "limit": "50%", "window": "4s", "min_events": 5, "traffic": "all"},
    "share": {"sli": "throughput_share", "window": "4s", "tolerance": "90%", "severity": "advisory"},
    "burn": {"sli": "burn_rate", "slo": "99%", "window": "12s", "spend": "0.01%", "min_events": 5},
}
USUAL = ("limit", "ratio", "slow", "slower")
ROLES: tuple[Document, ...] = (
    *[{}] * 5,
    {"severity": "critical"},
    {"severity": "advisory"},
    {"severity": "dry_run"},
    {"on_fail": "pause"},
    {"on_fail": "hold"},
)
QUIET = ("advisory", "dry_run")


def required(policy: Document) -> set[str]:
    """Return the names of the checks that must PASS before an advance."""
    named = {name for name, check in policy["checks"].items() if check.get("severity") not in QUIET}
    return named | ({"budget"} if "budget" in policy else set())


EXTRAS: tuple[Document, ...] = (
    *[{}] * 4,
    *[{"approval": True}] * 2,
    {"passes": 3},
    {"warmup": "2s"},
    {"timeout": "40s"},
)
WEIGHTS: tuple[tuple[tuple[str, ...], Document], ...] = (
    (("10%",), {"split": "100%"}),
    (("5%", "50%"), {"split": "100%"}),
    (("10%", "100%"), {"split": "100%"}),
    (("1%", "10%", "100%"), {"split": "100%"}),
    (("30%", "50%"), {}),
    (("40%",), {"split": "20%"}),
)
"""The weights of the stages, with a rule for the split that calm traffic keeps: two of five requests are canary's."""
NO_DATA = (("4s", "12s"), ("4s", "12s"), ("2s", "6s"), ("8s", "1m"))
NEEDED = (None, None, None, ["eu"], ["eu", "us"])
"""The actuators that must confirm."""


@st.composite
def policies(draw: st.DrawFn) -> Document:
    """Draw a policy with short stages."""
    weights, split = draw(st.sampled_from(WEIGHTS))
    stages = [
        {"name": f"s{index}", "weight": weight, "bake": f"{draw(st.integers(4, 9))}s"} | draw(st.sampled_from(EXTRAS))
        for index, weight in enumerate(weights)
    ]
    hold_after, pause_after = draw(st.sampled_from(NO_DATA))
    needed = draw(st.sampled_from(NEEDED))
    usual, others = st.sampled_from(USUAL), st.sampled_from(sorted(CHECKS))
    names = draw(st.sets(usual, min_size=1)) | draw(st.sets(others, max_size=3))
    checks = {name: CHECKS[name] | ({} if name == "share" else draw(st.sampled_from(ROLES))) for name in sorted(names)}
    if all(check.get("severity") in QUIET for check in checks.values()):
        checks["limit"] = CHECKS["limit"]
    return {
        **draw(st.sampled_from([{}, {}, {"budget": {"slo": "99%", "spend": "1%", "min_events": 5}}])),
        "schema": "sluicegate.policy/v1",
        "rollout": ROLLOUT,
        "cohorts": {"baseline": BASELINE, "candidate": CANDIDATE},
        "stages": stages,
        "checks": checks,
        "data_quality": {"sample_ratio": draw(st.booleans()), **split},
        "min_requests": draw(st.sampled_from([1, 40, 150])),
        **draw(st.sampled_from([{}, {}, {"min_completeness": "90%"}, {"min_completeness": "50%"}])),
        "no_data": {"hold_after": hold_after, "pause_after": pause_after},
        "commands": {"ack_within": "2s", "tries": 2, **({"actuators": needed} if needed else {})},
    }


CONTROLS = ("pause", "resume", "approve", "advance", "rollback", "promote")
REPEATED = ("approve s0", "approve s1", "approve s0 twice", "approve s1 twice", *(f"{each} twice" for each in CONTROLS))
OUTDATED = ("pause epoch 1", "promote epoch 1", "rollback epoch 1")
STARTS = ("start", "start twice", "start changed")
WORDS = (*CONTROLS, *REPEATED, *OUTDATED, *STARTS, "bad ack: epoch", "bad ack: rejected")
STATES: tuple[SourceState, ...] = ("live", "silent", "stalled", "unreported")
_usually_live = st.one_of(st.just("live"), st.just("live"), st.sampled_from(STATES))


CALM = st.builds(
    Episode,
    seconds=st.integers(12, 24),
    requests=st.just((200, 300)),
    probes=st.just(20),
    word=st.sampled_from([None, None, None, "approve s0", "approve s1", "approve s1 twice"]),
)
"""Traffic as it should be, long enough for a stage to pass."""

HIDING = st.builds(
    replace,
    CALM,
    errors=st.sampled_from([(0.02, 0.0), (0.05, 0.0), (0.1, 0.0), (0.3, 0.0), (0.0, 0.1)]),
    late_failures=st.integers(4, 9),
    late_share=st.sampled_from([1.0, 0.5, 0.1]),
    hidden_by=st.sampled_from(["late", "late", "unreadable", "refused", "clamped"]),
    late_cohort=st.sampled_from([CANDIDATE, CANDIDATE, BASELINE]),
)
"""The same, but failures of one cohort arrive too late to be counted, or are lost in another way."""


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
        late_cohort=st.sampled_from([CANDIDATE, CANDIDATE, BASELINE]),
        word=st.one_of(st.none(), st.none(), st.sampled_from(words)),
        details=st.booleans(),
        users=st.sampled_from([False, False, False, True]),
        probes=st.sampled_from([0, 10]),
    )
    return st.one_of(CALM, CALM, CALM, wild, wild) if healthy else st.one_of(CALM, CALM, HIDING, wild, wild)


@st.composite
def scripts(draw: st.DrawFn, *, healthy: bool = False, words: tuple[str, ...] = WORDS) -> Script:
    """Draw a script of up to eight episodes."""
    policy = draw(policies())
    episode = episodes(healthy=healthy, words=words)
    return Script(
        policy,
        tuple(draw(st.lists(episode, min_size=1, max_size=8))),
        draw(actuators(policy["commands"].get("actuators", ["router"]))),
        draw(st.sampled_from([CURRENT, CURRENT, CURRENT, FIRST])),
    )


def without_candidate(script: Script) -> Script:
    """Return the same script in which the candidate never has a request."""
    episodes = tuple(replace(each, requests=(0, each.requests[1]), probes=0) for each in script.episodes)
    return replace(script, episodes=episodes)
