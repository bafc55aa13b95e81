"""What goes wrong in a schedule. `FAULTS` lists all kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from tests.model.broker import Trouble
from tests.model.world import SETTINGS, TOPICS, World

WRITTEN = (TOPICS.journal, TOPICS.decisions, TOPICS.commands, TOPICS.status, TOPICS.snapshots, TOPICS.dead_letters)
WORKERS = ("ingest", "judge", "sequencer")
INGEST = SETTINGS.group("ingest")


class Fault(NamedTuple):
    """One kind of fault: how it comes about, and whether it damages the source.

    Without damage nothing is missing, however many other faults there are.
    """

    strike: Callable[[World], None]
    damage: bool = False


def crash(world: World) -> None:
    """End a process at one of its next calls to the broker."""
    role = world.rng.choice((*WORKERS, "actuator"))
    away = world.rng.choice((0.0, 1.0, 3.0))
    for process in world.alive(role)[:1]:
        process.meet(partial(world.crash, process, away), world.rng.randrange(12))


def zombie(world: World) -> None:
    """Suspend a process at one of its next calls; it goes on when others have its partitions."""
    role = world.rng.choice(WORKERS)
    for process in world.alive(role)[:1]:
        away = world.rng.choice((1.0, 2.5, 5.0))
        if world.rng.random() < 0.7 and len(world.alive(role)) < 2:
            world.begin(role)
        process.meet(partial(world.suspend, process, away), world.rng.randrange(12))


def more_workers(world: World) -> None:
    """Start another worker: partitions move."""
    role = world.rng.choice(WORKERS)
    if len(world.alive(role)) < 3:
        world.begin(role)


def rebalance(world: World) -> None:
    """Give the partitions of a group to its members again."""
    world.broker.rebalance(SETTINGS.group(world.rng.choice(("ingest", "judge", "sequencer"))))


def trouble(world: World) -> None:
    """Let writes to some topics fail for a while: refused, stored without an acknowledgement, or stored twice."""
    topics = world.rng.choice((frozenset(WRITTEN), frozenset((world.rng.choice(WRITTEN),))))
    rate = world.rng.choice((0.2, 0.5, 1.0))
    kind = world.rng.choice(("refused", "lost", "twice", "all"))
    rates = {"refused": rate / 3, "lost": rate / 3, "twice": 0.3} if kind == "all" else {kind: rate}
    world.broker.trouble = Trouble(topics, **rates)

    def end() -> None:
        world.broker.trouble = None

    world.loop.call_later(world.rng.choice((0.5, 2.0, 4.0)), end)


def slow(world: World) -> None:
    """Let a third of the writes take up to a second, so that partitions overtake each other."""
    world.broker.slow = 0.3


def no_leader(world: World) -> None:
    """Take a partition of some topic away for a while."""
    topic = world.rng.choice((TOPICS.events, *WRITTEN[:-1]))
    log = world.rng.choice(world.broker.logs[topic])
    log.away_until = world.loop.now + world.rng.choice((1.0, 4.0))


def retention(world: World) -> None:
    """Delete the events of a partition, read or not."""
    log = world.rng.choice(world.broker.logs[TOPICS.events])
    log.delete_before(log.end - world.rng.choice((0, 0, 1, 3)))


def outage_and_retention(world: World) -> None:
    """Delete events while no ingest runs."""
    for process in world.alive("ingest"):
        world.crash(process, 4.0)
    world.loop.call_later(3.0, retention, world)


def added_partitions(world: World) -> None:
    """Add a partition to the source; clients notice after their next metadata."""
    world.broker.create(TOPICS.events, len(world.broker.logs[TOPICS.events]) + 1)
    world.unnoticed_until = world.loop.now + UNNOTICED_S

    def notice() -> None:
        for member in world.broker.groups[INGEST].members:
            member.learn_partitions()
        world.broker.rebalance(INGEST)

    world.loop.call_later(world.rng.uniform(0.3, 4.0), notice)


def commits_lost(world: World) -> None:
    """Let the group forget what it committed."""
    world.broker.groups[INGEST].committed.clear()
    world.broker.rebalance(INGEST)


def commits_moved(world: World) -> None:
    """Move the group's offsets: to the beginning, the end, or anywhere."""
    committed = world.broker.groups[INGEST].committed
    for log in world.broker.logs[TOPICS.events]:
        committed[log.place] = world.rng.choice((log.begins, log.end, world.rng.randint(log.begins, log.end)))
    world.broker.rebalance(INGEST)


def commits_moved_and_back(world: World) -> None:
    """Move the group's offsets on, end the workers soon after they begin there, and move the offsets back."""
    committed = world.broker.groups[INGEST].committed
    before = dict(committed)
    for log in world.broker.logs[TOPICS.events]:
        committed[log.place] = log.end
    world.broker.rebalance(INGEST)
    for process in world.alive("ingest"):
        process.meet(partial(world.crash, process, world.rng.choice((0.0, 1.0))), world.rng.randrange(8, 30))

    def back() -> None:
        committed.update(before)
        world.broker.rebalance(INGEST)

    world.loop.call_later(world.rng.uniform(1.0, 3.0), back)


def orders_again(world: World) -> None:
    """Let the sequencer read all orders and acks once more."""
    group = SETTINGS.group("sequencer")
    world.broker.groups[group].committed.clear()
    world.broker.rebalance(group)


def lost_snapshots(world: World) -> None:
    """Delete all snapshots of a journal partition, or the newest ones, and end the judges."""
    log = world.rng.choice(world.broker.logs[TOPICS.snapshots])
    kept = world.rng.choice((0, len(log.records) // 2))
    del log.records[kept:]
    for process in world.alive("judge"):
        world.crash(process, 0.5)


def old_snapshots(world: World) -> None:
    """Write old snapshots behind the newer ones, as a suspended judge may."""
    log = world.rng.choice(world.broker.logs[TOPICS.snapshots])
    log.records += log.records[: len(log.records) // 2]
    for process in world.alive("judge"):
        world.crash(process, 0.0)


def all_away(world: World) -> None:
    """End all workers for longer than sources may be silent."""
    for role in WORKERS:
        for process in world.alive(role):
            world.crash(process, world.rng.choice((2.0, 5.0)))


def events_recreated(world: World) -> None:
    """Delete the source topic and create it again; it takes a while until it can be read."""
    world.broker.recreate(TOPICS.events)
    until = world.loop.now + world.rng.choice((0.0, 0.0, 1.0, 3.0))
    for log in world.broker.logs[TOPICS.events]:
        log.away_until = until


def orders_recreated(world: World) -> None:
    """Delete the topics of orders and acks and create them again. What was not read of them is ordered once more."""
    for topic in (TOPICS.policies, TOPICS.controls, TOPICS.acks):
        world.broker.recreate(topic)
    world.loop.call_later(world.rng.uniform(0.2, 2.5), world.start_again)


FAULTS: Mapping[str, Fault] = {
    "crash": Fault(crash),
    "zombie": Fault(zombie),
    "more workers": Fault(more_workers),
    "rebalance": Fault(rebalance),
    "trouble": Fault(trouble),
    "slow": Fault(slow),
    "no leader": Fault(no_leader),
    "retention": Fault(retention, damage=True),
    "outage and retention": Fault(outage_and_retention, damage=True),
    "added partitions": Fault(added_partitions),
    "commits lost": Fault(commits_lost),
    "commits moved": Fault(commits_moved, damage=True),
    "commits moved and back": Fault(commits_moved_and_back, damage=True),
    "orders again": Fault(orders_again),
    "lost snapshots": Fault(lost_snapshots),
    "old snapshots": Fault(old_snapshots),
    "all away": Fault(all_away),
    "events recreated": Fault(events_recreated, damage=True),
    "orders recreated": Fault(orders_recreated),
}


UNNOTICED_S = 7.0
"""How long the gate may know nothing of an added partition: it is found within 5 s, and then read."""


@dataclass
class Plan:
    """The faults of one schedule, each with its time in seconds."""

    faults: list[tuple[float, str]]

    @classmethod
    def drawn(cls, world: World, until: float) -> Plan:
        """Draw up to seven faults."""
        number, known = world.rng.randint(0, 7), list(FAULTS)
        faults = sorted((world.rng.uniform(1.0, until), world.rng.choice(known)) for _ in range(number))
        return cls(faults)

    @property
    def damages(self) -> bool:
        """Whether records may be missing at the end, which must then be reported."""
        return any(FAULTS[name].damage for _, name in self.faults)

    def arm(self, world: World) -> None:
        """Let each happen at its time."""
        for at, name in self.faults:
            world.loop.call_at(at, FAULTS[name].strike, world)
