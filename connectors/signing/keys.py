"""Keys: their two algorithms, their files (JSON Web Keys, RFC 7517 and 8037, one a line), and how to generate them.

A file of trusted keys is several key files joined with `cat`. No error message here quotes the content of a file.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal, get_args

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from connectors.kafka.clients import KafkaSettings
from connectors.signing.signatures import Key, Keyring, Role

ROLES: Final[tuple[Role, ...]] = get_args(Role)
SECRET_BYTES: Final = 32
KEY_ID: Final = r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}\Z"
"""The form of a key's id: it can be part of a file name."""

Algorithm = Literal["ed25519", "hmac"]


class KeysError(ValueError):
    """Keys that cannot be used; the message has the source and the reason, and nothing secret."""


class Jwk(msgspec.Struct, frozen=True, omit_defaults=True):
    """A key as it is in its file; `d` and `k` are secret, and `roles` is our own addition to the standard."""

    kty: Literal["OKP", "oct"]
    kid: Annotated[str, msgspec.Meta(pattern=KEY_ID)]
    roles: frozenset[Role] = frozenset(ROLES)
    crv: Literal["Ed25519"] | None = None
    x: str | None = None
    d: str | None = None
    k: str | None = None

    def line(self) -> bytes:
        """Its line in a file of keys."""
        return msgspec.json.encode(self, order="sorted") + b"\n"


@dataclass(frozen=True, slots=True)
class HmacKey:
    """HMAC-SHA256: whoever can verify can also sign."""

    id: str
    roles: frozenset[Role]
    secret: bytes = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """The signature."""
        return hmac.digest(self.secret, message, "sha256")

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether the signature is this key's; in constant time, so that the time does not leak the signature."""
        return hmac.compare_digest(self.sign(message), signature)


@dataclass(frozen=True, slots=True)
class Ed25519Key:
    """Ed25519: `private` signs, and is None in a key that only verifies."""

    id: str
    roles: frozenset[Role]
    public: Ed25519PublicKey = field(repr=False)
    private: Ed25519PrivateKey | None = field(repr=False, default=None)

    def sign(self, message: bytes) -> bytes:
        """The signature. Raises KeysError if the key cannot sign."""
        if self.private is None:
            raise KeysError(f"the key {self.id!r} is a public key: it verifies, but cannot sign")
        return self.private.sign(message)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether the signature is this key's."""
        try:
            self.public.verify(signature, message)
        except InvalidSignature:
            return False
        return True


def generate(algorithm: Algorithm, identity: str, roles: frozenset[Role]) -> tuple[Jwk, Jwk]:
    """A new pair of keys: one signs, the other verifies. For HMAC the two are the same."""
    if algorithm == "hmac":
        secret = Jwk("oct", identity, roles, k=_text(secrets.token_bytes(SECRET_BYTES)))
        return secret, secret
    private = Ed25519PrivateKey.generate()
    public = Jwk("OKP", identity, roles, "Ed25519", _text(private.public_key().public_bytes_raw()))
    return msgspec.structs.replace(public, d=_text(private.private_bytes_raw())), public


def parse(text: bytes, source: str) -> list[Key]:
    """The keys in a text, one a line; `source` names it in errors.

    Raises:
        KeysError: a line is not a key, or two keys have the same id.
    """
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    keys = [_key(line, f"{source}, line {number}") for number, line in lines]
    if len({key.id for key in keys}) < len(keys):
        raise KeysError(f"{source}: two keys have the same id")
    return keys


def keyring(settings: KafkaSettings, role: Role) -> Keyring:
    """The keys that the settings name, for a process that signs in this role.

    Raises:
        KeysError: a file cannot be read or contains no key, or the signing key cannot sign or has not this role.
    """
    trusted: list[Key] = []
    if settings.verify_keys_file is not None:
        trusted = parse(_read(settings.verify_keys_file, "SLUICEGATE_VERIFY_KEYS_FILE"), "SLUICEGATE_VERIFY_KEYS_FILE")
        if not trusted:
            raise KeysError("SLUICEGATE_VERIFY_KEYS_FILE: contains no key")
    return Keyring(_signing(settings, role), {key.id: key for key in trusted})


def _signing(settings: KafkaSettings, role: Role) -> Key | None:
    text, path = settings.signing_key, settings.signing_key_file
    if text is not None and path is not None:
        raise KeysError("set SLUICEGATE_SIGNING_KEY or SLUICEGATE_SIGNING_KEY_FILE, not both")
    source = "SLUICEGATE_SIGNING_KEY" if path is None else "SLUICEGATE_SIGNING_KEY_FILE"
    if path is not None:
        found = parse(_read(path, source), source)
    elif text is not None:
        found = parse(text.get_secret_value().encode(errors="replace"), source)
    else:
        return None
    if len(found) != 1:
        raise KeysError(f"{source}: contains {len(found)} keys; write exactly one, the key that signs")
    if role not in found[0].roles:
        raise KeysError(f"{source}: the key {found[0].id!r} is not for the role {role}")
    found[0].sign(b"")  # fails now, at the start, if the key is only a public one
    return found[0]


def _read(path: Path, source: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise KeysError(f"{source}: {path} cannot be read: {error.strerror or error}") from None


def _key(line: bytes, where: str) -> Key:
    try:
        jwk = msgspec.json.decode(line, type=Jwk)
        if jwk.kty == "oct" and len(secret := _bytes(jwk.k)) >= SECRET_BYTES:
            return HmacKey(jwk.kid, jwk.roles, secret)
        if jwk.kty == "OKP" and jwk.d is not None:
            private = Ed25519PrivateKey.from_private_bytes(_bytes(jwk.d))
            return Ed25519Key(jwk.kid, jwk.roles, private.public_key(), private)
        if jwk.kty == "OKP":
            return Ed25519Key(jwk.kid, jwk.roles, Ed25519PublicKey.from_public_bytes(_bytes(jwk.x)))
    except (msgspec.DecodeError, ValueError, RecursionError):
        pass  # the error below does not name the cause, which might quote the key
    raise KeysError(f"{where}: is not a key; make one with `sluicegate keys generate`")


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str | None) -> bytes:
    return urlsafe_b64decode((text or "") + "==")
