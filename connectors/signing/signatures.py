"""Signed messages: who said it, on which topic, how long it holds; checked before anything is believed.

A message's signature is a Kafka header, so its value stays what it is without one. Signed is the canonical JSON
(RFC 8785) of the message together with its topic, the key's id and, for what operators and actuators say, an id and an
expiry; rollout, epoch and sequence are fields of every message. What was verified is read from the very document that
was verified, never from the raw bytes: two parsers cannot be made to see two messages in one.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, Protocol

import msgspec
import orjson
import rfc8785

HEADER: Final = "sluicegate-signature"
SIGNED_SCHEMA: Final = "sluicegate.signed/v1"
LONGEST_VALID_MS: Final = 86_400_000
"""What operators and actuators say may hold for so long; memories of ids are bounded by it."""

Role = Literal["gate", "operator", "actuator"]
Reason = Literal["unsigned", "forged", "expired"]
Headers = list[tuple[str, bytes]]


class SignatureError(ValueError):
    """A message that is not believed; `reason` is a machine word. The text holds nothing secret."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Key(Protocol):
    """One key: who it is, for which roles it speaks, and its algorithm."""

    @property
    def id(self) -> str:
        """Its name in signatures."""

    @property
    def roles(self) -> frozenset[Role]:
        """Whom it speaks for."""

    def sign(self, message: bytes) -> bytes:
        """The signature."""

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether the signature of the message is this key's."""


class Seal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the header holds: key and signature; of what operators and actuators say also an id and an expiry."""

    key: str
    id: str | None
    expires_at: int | None
    signature: bytes

    def signed(self, topic: str, document: object) -> bytes:
        """The bytes that the signature is of. Raises ValueError, RecursionError where JSON cannot be canonical."""
        return rfc8785.dumps(
            {
                "schema": SIGNED_SCHEMA,
                "topic": topic,
                "key": self.key,
                "id": self.id,
                "expires_at": self.expires_at,
                "document": document,  # type: ignore[dict-item]  # it is checked while it is written
            }
        )


class Verified(NamedTuple):
    """A message that is believed, and its seal; None where nothing is verified."""

    value: bytes
    seal: Seal | None


@dataclass(frozen=True, slots=True)
class Keyring:
    """The key that signs, if there is one, and those that are believed, by id; without any, everything is.

    Several keys of one role may be believed at a time: that is how they are rotated.
    """

    signing: Key | None = None
    trusted: Mapping[str, Key] = field(default_factory=dict)

    @property
    def warning(self) -> str | None:
        """What to say at the start, if this is no whole protection."""
        missing = {
            (False, False): "orders are neither signed nor verified: whoever can write to the topics steers rollouts",
            (True, False): "orders are signed, but none is verified here: set SLUICEGATE_VERIFY_KEYS_FILE",
            (False, True): "orders are verified, but nothing is signed here: set SLUICEGATE_SIGNING_KEY_FILE",
        }
        said = missing.get((self.signing is not None, bool(self.trusted)))
        return None if said is None else f"{said} (docs/security.md)"

    def sign(self, topic: str, value: bytes, *, expires_at: int | None = None) -> Headers:
        """The headers of a message; none without a key that signs.

        One that expires (milliseconds since the epoch) gets an id, and no two such signatures are alike. One that does
        not, the gate's, is signed alike each time, so that repeats are the same to the byte.
        """
        if self.signing is None:
            return []
        identity = None if expires_at is None else uuid.uuid4().hex
        draft = Seal(key=self.signing.id, id=identity, expires_at=expires_at, signature=b"")
        signature = self.signing.sign(draft.signed(topic, orjson.loads(value)))
        return [(HEADER, msgspec.json.encode(msgspec.structs.replace(draft, signature=signature)))]

    def verify(
        self, role: Role, topic: str, value: bytes, headers: Iterable[tuple[str, bytes]] | None, now: int
    ) -> Verified:
        """The message, if one who has this role said it on this topic and it still holds at `now` (ms since the epoch).

        Raises:
            SignatureError: it is not to be believed.
        """
        if not self.trusted:
            return Verified(value, None)
        found = dict(headers or ()).get(HEADER)
        if found is None:
            raise SignatureError("unsigned", f"no header {HEADER}, and only what is signed is believed here")
        seal = _seal(found)
        key = self.trusted.get(seal.key)
        if key is None:
            raise SignatureError("forged", f"the key {seal.key[:64]!r} is not among those believed here")
        if role not in key.roles:
            raise SignatureError("forged", f"the key {key.id!r} does not speak for the role {role}")
        try:
            document = orjson.loads(value)
            genuine = key.verifies(seal.signature, seal.signed(topic, document))
        except (ValueError, RecursionError):
            raise SignatureError("forged", "a message that has no canonical form was never signed") from None
        if not genuine:
            raise SignatureError(
                "forged", f"the signature is not that of the key {key.id!r} for this message on {topic}"
            )
        _check_validity(role, seal, now)
        return Verified(orjson.dumps(document), seal)


def _seal(header: bytes) -> Seal:
    try:
        seal = msgspec.json.decode(header, type=Seal)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise SignatureError("forged", f"the header {HEADER} is malformed") from None
    if msgspec.json.encode(seal) != header:
        raise SignatureError("forged", f"the header {HEADER} is not written as a signer writes it")
    return seal


def _check_validity(role: Role, seal: Seal, now: int) -> None:
    if seal.expires_at is None or seal.id is None:
        if role != "gate":
            raise SignatureError("forged", f"what the role {role} says needs an id and an expiry")
        return
    if now > seal.expires_at:
        raise SignatureError("expired", f"void since {seal.expires_at}, {now - seal.expires_at} ms ago")
    if seal.expires_at - now > LONGEST_VALID_MS:
        raise SignatureError("forged", f"nobody's word holds until {seal.expires_at}: {LONGEST_VALID_MS} ms at most")
