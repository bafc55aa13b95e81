"""The rules of a redrive: which letters are sent again, and how runs agree that each is sent once. Without Kafka.

The `Redrive` records are on `dead-letters` itself, keyed by the letter's origin, so that everything about one letter is
in one partition, in one order, until partitions are added: then they are read in any order, and each takes effect
after the one that it follows. A run first *claims* a letter, then reads on: the first claim in the partition counts,
so of two runs at the same time only one sends. After the send the run writes `sent`. A letter with a claim and
without `sent` may or may not have been sent. It is sent again only if a person orders it, by a claim that follows that
one.
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
from streams.dead_letters.letters import Letter, LetterOrigin
from streams.sequencer.messages import MessageType, RecordRefusedError, read_message

SCHEMA_HEADER = "schema"
SCHEMA = "sluicegate.redrive/v1"
SIGNATURE_REASONS = frozenset({"unsigned", "forged", "expired"})
"""Reasons that concern the signature. A letter does not keep it, so the message would be refused again."""


class Redrive(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag=SCHEMA):
    """A run's record about a letter: `claimed`, and `sent` once the broker has acknowledged it on topic `to`.

    `origin` is topic, partition, offset and index of the letter's bytes. `after` is the run whose claim this one
    follows, empty for the first. A claim counts only if it follows the one that counted before. `topic_id` is the id of
    the origin's topic, empty where it is not known, and in records of older builds.
    """

    run: str
    state: Literal["claimed", "sent"]
    origin: tuple[str, int, int, int]
    to: str
    by: str
    at: int
    after: str = ""
    topic_id: str = ""


class Fate(StrEnum):
    """What a redrive does with a letter."""

    SENT = "sent"
    ALREADY = "already"  # redriven before
    UNSURE = "unsure"  # claimed by a run that did not finish: it may have been sent
    CUT = "cut"  # not all of its value was kept
    MALFORMED = "malformed"  # it would be a dead letter again


@dataclass(slots=True)
class RedriveHistory:
    """The claims that count, from the `Redrive` records read so far."""

    _claims: dict[LetterOrigin, Redrive] = field(default_factory=dict)
    _early: dict[tuple[str, int, int, int], list[Redrive]] = field(default_factory=dict)

    def add(self, record: Redrive) -> None:
        """Add the next record of the topic; one has no effect before the claim that it follows counts."""
        if not self._take(record):
            self._early.setdefault(record.origin, []).append(record)
            return
        early = self._early.get(record.origin, [])
        while taken := next(filter(self._take, early), None):
            early.remove(taken)

    def _take(self, record: Redrive) -> bool:
        """Let a record count if it follows the claim that counts; returns whether it does."""
        origin = LetterOrigin(*record.origin, record.topic_id)
        claim = self.latest(origin)
        run = "" if claim is None else claim.run
        follows = run == (record.after if record.state == "claimed" else record.run)
        if follows:
            self._claims[origin] = record
        return follows

    def latest(self, origin: LetterOrigin) -> Redrive | None:
        """The newest record that counts for a letter; one of an older build counts whatever the topic's id."""
        return self._claims.get(origin) or self._claims.get(LetterOrigin(*origin.place))

    def is_sent(self, origin: LetterOrigin) -> bool:
        """Whether a letter certainly was redriven."""
        claim = self.latest(origin)
        return claim is not None and claim.state == "sent"


def read_redrive(value: bytes | None, headers: Iterable[tuple[str, bytes | None]]) -> Redrive | None:
    """The `Redrive` in a record of `dead-letters`; None where the record is none.

    The header decides, because a letter may have any value, even that of a `Redrive`.
    """
    if dict(headers).get(SCHEMA_HEADER) != SCHEMA.encode():
        return None
    try:
        return msgspec.json.decode(value or b"", type=Redrive)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


Check = Callable[[bytes], str | None]


def checks(names: TopicNames) -> Mapping[str, Check]:
    """By topic, a function that returns why a value would become a dead letter there again, or None if it would not."""
    return {
        names.events: _event_fault,
        names.policies: lambda value: _message_fault(journal.Start, value),
        names.controls: lambda value: _message_fault(journal.Control, value),
        names.acks: lambda value: _message_fault(journal.Ack, value),
        names.journal: _journal_fault,
    }


def _event_fault(value: bytes) -> str | None:
    faults = decoder().decode(value).faults
    return f"{faults[0].reason}: {faults[0].detail}" if faults else None


def _message_fault(kind: MessageType, value: bytes) -> str | None:
    try:
        read_message(kind, value)
    except RecordRefusedError as error:
        return f"{error.reason}: {error}"
    return None


def _journal_fault(value: bytes) -> str | None:
    try:
        journal.decode(value)
    except (msgspec.DecodeError, ValueError) as error:
        return f"bad_record: {error}"
    return None


def decide(
    letter: Letter, history: RedriveHistory, check: Check | None, *, force: bool = False, again: bool = False
) -> tuple[Fate, str]:
    """Decide about a selected letter; returns the reason too, if it is not to be sent.

    What was claimed before comes first: `force` overrides the checks of the value, never the rule that a letter is sent
    once.
    """
    before = history.latest(letter.origin)
    if before is not None and not again:
        if before.state == "sent":
            return Fate.ALREADY, f"to {before.to} by {before.by}"
        return Fate.UNSURE, f"claimed by a run of {before.by} that did not finish; it may have been sent"
    if not letter.whole:
        return (
            Fate.CUT,
            f"only {len(letter.content.value)} of {letter.whole_size} bytes were kept; it cannot be sent",
        )
    if force:
        return Fate.SENT, ""
    if letter.content.reason in SIGNATURE_REASONS:
        return Fate.MALFORMED, f"{letter.content.reason}: a letter keeps no signature; give the order again"
    fault = None if check is None else check(letter.content.value)
    return (Fate.SENT, "") if fault is None else (Fate.MALFORMED, fault)
