"""Sending letters once more, and remembering it: the rules, without Kafka.

What is remembered stands on `dead-letters` itself, as `Redrive` records keyed by the letter's origin, so that all about
one letter are in one partition, in one order. A run first *claims* a letter, then reads on: the claim that stands first
counts, so of two runs at once only one sends. After the send it says so. A letter that was claimed and of which nothing
more was said may have been sent or not: it is not sent again unless a person says so, by a claim after that one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import msgspec

from connectors.decoders.registry import decoder
from connectors.kafka.topics import TopicNames
from streams import journal
from streams.dead_letters.letters import Letter, Origin
from streams.sequencer import Kind, RefusedError, read_spoken

SCHEMA_HEADER = "schema"
SCHEMA = "sluicegate.redrive/v1"
UNBELIEVED = frozenset({"unsigned", "forged", "expired"})
"""Reasons that are about a signature, which is not kept with the letter."""


class Redrive(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag=SCHEMA):
    """What became of a dead letter: a run claims it, and says `sent` once it has sent it to `to`.

    `origin` is topic, partition, offset and index of what the letter is about; `after` is the run whose claim this one
    follows, empty for the first. A claim counts if it follows the one that counted before.
    """

    run: str
    state: Literal["claimed", "sent"]
    origin: tuple[str, int, int, int]
    to: str
    by: str
    at: int
    after: str = ""


class Fate(StrEnum):
    """What a redrive makes of a letter."""

    SENT = "sent"
    ALREADY = "already"  # redriven before
    UNSURE = "unsure"  # claimed by a run that did not end
    CUT = "cut"
    MALFORMED = "malformed"


@dataclass(slots=True)
class Memory:
    """What the records on `dead-letters` say about what was redriven, as far as they are read."""

    _claims: dict[Origin, Redrive] = field(default_factory=dict)

    def take(self, record: Redrive) -> None:
        """The next record."""
        origin = Origin(*record.origin)
        claim = self._claims.get(origin)
        run = "" if claim is None else claim.run
        if run == (record.after if record.state == "claimed" else record.run):
            self._claims[origin] = record

    def of(self, origin: Origin) -> Redrive | None:
        """What was said last about a letter."""
        return self._claims.get(origin)

    def sent(self, origin: Origin) -> bool:
        """Whether a letter was redriven for certain."""
        claim = self._claims.get(origin)
        return claim is not None and claim.state == "sent"


def read_redrive(value: bytes | None, headers: Iterable[tuple[str, bytes | None]]) -> Redrive | None:
    """The record of a redrive in a record of `dead-letters`; None where it is none. A letter may hold any value."""
    if dict(headers).get(SCHEMA_HEADER) != SCHEMA.encode():
        return None
    try:
        return msgspec.json.decode(value or b"", type=Redrive)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


Check = Callable[[bytes], str | None]


def checks(names: TopicNames) -> Mapping[str, Check]:
    """By topic, what says in words why a value would be a dead letter there again; None where it would not."""
    return {
        names.events: _event_fault,
        names.policies: lambda value: _spoken_fault(journal.Start, value),
        names.controls: lambda value: _spoken_fault(journal.Control, value),
        names.acks: lambda value: _spoken_fault(journal.Ack, value),
        names.journal: _journal_fault,
    }


def _event_fault(value: bytes) -> str | None:
    faults = decoder().decode(value).faults
    return f"{faults[0].reason}: {faults[0].detail}" if faults else None


def _spoken_fault(kind: Kind, value: bytes) -> str | None:
    try:
        read_spoken(kind, value)
    except RefusedError as error:
        return f"{error.reason}: {error}"
    return None


def _journal_fault(value: bytes) -> str | None:
    try:
        journal.decode(value)
    except (msgspec.DecodeError, ValueError) as error:
        return f"bad_record: {error}"
    return None


def judge(
    letter: Letter, memory: Memory, check: Check | None, *, force: bool = False, again: bool = False
) -> tuple[Fate, str]:
    """What is to become of a letter that was chosen, and why, if it is not to be sent."""
    before = memory.of(letter.origin)
    if before is not None and not again:
        if before.state == "sent":
            return Fate.ALREADY, f"to {before.to} by {before.by}"
        return Fate.UNSURE, f"claimed by a run of {before.by} that did not end: it may have been sent"
    if not letter.whole:
        return Fate.CUT, f"{letter.whole_size} bytes, of which {len(letter.said.value)} were kept: it cannot be sent"
    if force:
        return Fate.SENT, ""
    if letter.said.reason in UNBELIEVED:
        return Fate.MALFORMED, f"{letter.said.reason}: a letter keeps no signature; give the order anew"
    fault = None if check is None else check(letter.said.value)
    return (Fate.SENT, "") if fault is None else (Fate.MALFORMED, fault)
