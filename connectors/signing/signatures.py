"""Signed messages: the signer, the topic and the expiry are verified before a message is used.

The signature is a Kafka header, so the message value is the same with and without it. It covers the canonical JSON
(RFC 8785) of the message with its topic, the key's id and, for messages of operators and actuators, an id and an
expiry. Rollout, epoch and sequence are fields of every message. The message is then read from the very document that
was verified, never from the raw bytes, so that no message can mean one thing to the verifier and another to the reader.
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
"""The longest validity of messages of operators and actuators. It bounds how many ids a replay guard must keep."""

Role = Literal["gate", "operator", "actuator"]
Reason = Literal["unsigned", "forged", "expired"]
Headers = list[tuple[str, bytes]]


class SignatureError(ValueError):
    """A message that is refused; `reason` is a metrics label. The text contains nothing secret."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Key(Protocol):
    """One key: its id, the roles that it may sign for, and its algorithm."""

    @property
    def id(self) -> str:
        """Its name in signatures."""

    @property
    def roles(self) -> frozenset[Role]:
        """The roles that it may sign for."""

    def sign(self, message: bytes) -> bytes:
        """The signature."""

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether the signature of the message is this key's."""


class Seal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of the header: key and signature; from operators and actuators also an id and an expiry."""

    key: str
    id: str | None
    expires_at: int | None
    signature: bytes

    def signed(self, topic: str, document: object) -> bytes:
        """The bytes that are signed. Raises ValueError or RecursionError if the JSON has no canonical form."""
        return rfc8785.dumps(
            {
                "schema": SIGNED_SCHEMA,
                "topic": topic,
                "key": self.key,
                "id": self.id,
                "expires_at": self.expires_at,
                "document": document,  # type: ignore[dict-item]  # rfc8785 checks it
            }
        )


class Verified(NamedTuple):
    """A message that is accepted, and its seal; None if nothing is verified."""

    value: bytes
    seal: Seal | None


@dataclass(frozen=True, slots=True)
class Keyring:
    """The signing key, if there is one, and the trusted keys by id. Without trusted keys every message is accepted.

    Several keys of one role can be trusted at a time, which is how they are rotated.
    """

    signing: Key | None = None
    trusted: Mapping[str, Key] = field(default_factory=dict)

    @property
    def warning(self) -> str | None:
        """The warning to log at the start if orders are not fully protected."""
        missing = {
            (
                False,
                False,
            ): "orders are neither signed nor verified: who can write to the topics controls rollouts",
            (True, False): "orders are signed, but not verified here: set SLUICEGATE_VERIFY_KEYS_FILE",
            (False, True): "orders are verified, but nothing is signed here: set SLUICEGATE_SIGNING_KEY_FILE",
        }
        text = missing.get((self.signing is not None, bool(self.trusted)))
        return None if text is None else f"{text} (docs/security.md)"

    def sign(self, topic: str, value: bytes, *, expires_at: int | None = None) -> Headers:
        """The headers of a message; none without a signing key.

        A message with an expiry (milliseconds since the epoch) gets a random id, so its signature is unique. A message
        without one, the gate's, has the same signature each time, so that repeated decisions are the same bytes.
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
        """The message, if a key of this role signed it for this topic, and it is valid at `now` (ms since the epoch).

        Raises:
            SignatureError: the message must not be used.
        """
        if not self.trusted:
            return Verified(value, None)
        found = dict(headers or ()).get(HEADER)
        if found is None:
            raise SignatureError("unsigned", f"no header {HEADER}, and only signed messages are accepted here")
        seal = _seal(found)
        key = self.trusted.get(seal.key)
        if key is None:
            raise SignatureError("forged", f"the key {seal.key[:64]!r} is not trusted here")
        if role not in key.roles:
            raise SignatureError("forged", f"the key {key.id!r} may not sign for the role {role}")
        try:
            document = orjson.loads(value)
            genuine = key.verifies(seal.signature, seal.signed(topic, document))
        except (ValueError, RecursionError):
            raise SignatureError("forged", "a message without a canonical form cannot have been signed") from None
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
        raise SignatureError("forged", f"the header {HEADER} is not in the form that signers write")
    return seal


def _check_validity(role: Role, seal: Seal, now: int) -> None:
    if seal.expires_at is None or seal.id is None:
        if role != "gate":
            raise SignatureError("forged", f"a message of the role {role} needs an id and an expiry")
        return
    if now > seal.expires_at:
        raise SignatureError("expired", f"expired {now - seal.expires_at} ms ago, at {seal.expires_at}")
    if seal.expires_at - now > LONGEST_VALID_MS:
        raise SignatureError("forged", f"expires at {seal.expires_at}, more than {LONGEST_VALID_MS} ms from now")
