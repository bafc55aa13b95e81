"""Messages of operators and actuators: read, checked, and turned into journal records. Without Kafka."""

from __future__ import annotations

import re

import msgspec
from msgspec.structs import replace

from connectors.signing.signatures import Role, Seal
from gates.policy import Policy, PolicyError
from gates.rules import CURRENT
from streams.clock import wall_ms
from streams.journal import OF_A_STAGE, Ack, Control, Freeze, Origin, SequencedRecord, Signed, Start, Timing, encode

LARGEST_MESSAGE = 512 * 1024
"""Bytes of a message. Faust's producer takes records up to 1 MB, and a message can grow on its way into the journal."""

LARGEST_JOURNALED = 900_000
"""Bytes of a journal record with its key. Checked as well, because JSON numbers can grow when they are encoded again
(1e15). Kafka would never accept a larger one, and the agent would try forever."""

MOST_FAULTS = 20
"""Faults of a policy that a dead letter lists; further ones are only counted."""

MessageType = type[Start] | type[Control] | type[Ack]
"""What a topic of the sequencer carries. The topic of controls carries freezes as well."""

LONGEST_FREEZE_TEXT = 1_000
"""Characters of operator and reason: every status of a frozen rollout, and each partition's snapshot, contains them."""

LABEL = re.compile(r"[^=]{1,128}=.{0,256}")
"""The form of a freeze's label: a key and a value, as policies have them."""

SIGNERS: dict[MessageType, Role] = {Start: "operator", Control: "operator", Ack: "actuator"}
"""The role of the key that must have signed a message."""


class RecordRefusedError(ValueError):
    """A message that can have no effect on any rollout; `reason` is the dead letter's reason."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def read_message(kind: MessageType, value: bytes | None) -> SequencedRecord:
    """The message in a value.

    Raises:
        RecordRefusedError: it is malformed, or its policy has faults (the detail lists the first ones).
    """
    try:
        message: SequencedRecord = msgspec.json.decode(value or b"", type=Control | Freeze if kind is Control else kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordRefusedError("bad_message", str(error)) from error
    if isinstance(message, Start):
        try:
            policy = Policy.parse(message.policy)
        except PolicyError as error:
            raise RecordRefusedError("bad_policy", _faults(error)) from error
        if policy.rollout != message.rollout:
            detail = f"the message names rollout {message.rollout}, its policy {policy.rollout}"
            raise RecordRefusedError("bad_policy", detail)
    if isinstance(message, Freeze):
        _check_freeze(message)
    if isinstance(message, Start | Control | Freeze) and not message.by.strip():
        raise RecordRefusedError("bad_message", "by is empty: name the person who orders")
    if isinstance(message, Control) and message.control in OF_A_STAGE and message.stage is None:
        raise RecordRefusedError("bad_message", f"{message.control} is about one stage: name it in `stage`")
    return message


def _check_freeze(message: Freeze) -> None:
    """Raises RecordRefusedError: its label has another form, or its texts are too long."""
    if message.label is not None and LABEL.fullmatch(message.label) is None:
        raise RecordRefusedError("bad_message", "label must be KEY=VALUE, as in the labels of a policy")
    if len(message.by) + len(message.reason) > LONGEST_FREEZE_TEXT:
        detail = f"by and reason may have {LONGEST_FREEZE_TEXT:,} characters together"
        raise RecordRefusedError("bad_message", detail)


def journal_record(
    message: SequencedRecord,
    origin: Origin,
    timing: Timing,
    seal: Seal | None = None,
    partitions: int | None = None,
    now: int | None = None,
) -> bytes:
    """The journal record of a message; `partitions` is the number of journal partitions that a freeze is written to.

    `now` is the time (ms), where it is not that of this worker's clock.

    Raises:
        RecordRefusedError: it would be larger than the journal takes.
    """
    stamped = _stamped(message, origin, timing, seal, wall_ms() if now is None else now)
    if isinstance(stamped, Freeze):
        stamped = replace(stamped, partitions=partitions)
    record = encode(stamped)
    if len(record) + len(key_of(message) or b"") > LARGEST_JOURNALED:
        raise RecordRefusedError("oversized", f"its journal record would be larger than {LARGEST_JOURNALED} bytes")
    return record


def key_of(message: SequencedRecord) -> bytes | None:
    """The key of its journal record; a freeze has none, because it is about many rollouts."""
    return None if isinstance(message, Freeze) else message.rollout.encode()


def _stamped(message: SequencedRecord, origin: Origin, timing: Timing, seal: Seal | None, now: int) -> SequencedRecord:
    """The message with its origin and verified signature, and for a start with timing, rules and wall clock.

    Whatever the sender wrote in these fields is replaced: the judge relies on them.
    """
    if isinstance(message, Ack):
        return replace(message, origin=origin)
    signed = None
    if seal is not None and seal.id is not None and seal.expires_at is not None:
        signed = Signed(seal.key, seal.id, seal.expires_at)
    if isinstance(message, Start):
        return replace(message, origin=origin, signed=signed, timing=timing, rules=CURRENT, sequenced_at=now)
    return replace(message, origin=origin, signed=signed)


def _faults(error: PolicyError) -> str:
    """A policy's faults in one line."""
    listed = error.faults[:MOST_FAULTS]
    more = len(error.faults) - len(listed) + error.more
    return "; ".join(map(str, listed)) + (f"; and {more} more" if more else "")
