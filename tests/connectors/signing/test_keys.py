"""Keys: their files and variables, what is refused, and that no secret gets out."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.kafka.clients import KafkaSettings
from connectors.signing import keys
from connectors.signing.keys import Algorithm, KeysError, generate, keyring

TOPIC, NOW = "rollout-controls", 1_767_225_600_000
ALL = frozenset(keys.ROLES)
ALGORITHMS: tuple[Algorithm, ...] = ("ed25519", "hmac")


def settings(folder: Path, signing: bytes, *trusted: bytes) -> KafkaSettings:
    """Settings that name files with these keys."""
    (folder / "signing.key").write_bytes(signing)
    (folder / "verify.keys").write_bytes(b"\n".join(trusted))
    return KafkaSettings(signing_key_file=folder / "signing.key", verify_keys_file=folder / "verify.keys")


def test_keys_come_from_files_or_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One signs, any number is trusted."""
    (first, first_public), (second, second_public) = (generate("ed25519", name, ALL) for name in ("a", "b"))
    found = keyring(settings(tmp_path, first.line(), first_public.line(), second_public.line()), "gate")
    assert (found.signing is not None and found.signing.id, sorted(found.trusted)) == ("a", ["a", "b"])
    monkeypatch.setenv("SLUICEGATE_SIGNING_KEY", second.line().decode())
    named = keyring(KafkaSettings(), "gate")
    assert named.signing is not None
    assert named.signing.id == "b"
    with pytest.raises(KeysError, match="not both"):
        keyring(KafkaSettings(signing_key_file=tmp_path / "signing.key"), "gate")


def _secrets(line: bytes) -> list[str]:
    return [value for name, value in json.loads(line).items() if name in {"d", "k"}]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_no_secret_gets_out(algorithm: Algorithm, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not in errors, not where settings, keys or messages are printed, not in logs."""
    caplog.set_level(logging.DEBUG)
    signing, verifying = generate(algorithm, "one", ALL)
    [secret] = _secrets(signing.line())
    other, _ = generate("hmac", "two", ALL)
    shown = []
    damaged = [
        signing.line().replace(b'"kid":"one"', b'"kid":"no/id"'),
        signing.line().replace(b'"kty"', b'"kyt"'),
        signing.line()[:-3],
        signing.line().replace(secret.encode(), secret.encode()[:20]),
        signing.line() + other.line(),
        signing.line().replace(b'"roles":', b'"roles":["king"],"r":'),
        b"not json " + secret.encode(),
    ]
    for text in damaged:
        with pytest.raises(KeysError) as caught:
            keyring(settings(tmp_path, text, verifying.line()), "gate")
        assert caught.value.__cause__ is None
        shown.append(str(caught.value))
    whole = settings(tmp_path, signing.line(), verifying.line())
    inline = KafkaSettings(signing_key=SecretStr(signing.line().decode()))
    found = keyring(whole, "gate")
    shown += [repr(found), repr(found.signing), repr(inline), str(inline.model_dump()), inline.model_dump_json()]
    shown += [str(found.sign(TOPIC, b"{}", expires_at=NOW)), caplog.text]
    assert not [text for text in shown if secret[:20] in text]


@pytest.mark.parametrize(
    ("role", "fault"),
    [("gate", "is not for the role gate"), ("operator", None)],
)
def test_a_key_for_another_role_does_not_sign(tmp_path: Path, role: Any, fault: str | None) -> None:
    """It is an error when the process starts."""
    signing, verifying = generate("ed25519", "one", frozenset({"operator"}))
    chosen = settings(tmp_path, signing.line(), verifying.line())
    if fault is None:
        keyring(chosen, role)
        return
    with pytest.raises(KeysError, match=fault):
        keyring(chosen, role)


def test_keys_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    """A public key that is to sign, two of one id, an empty file, none at all."""
    signing, verifying = generate("ed25519", "one", ALL)
    one, public = signing.line(), verifying.line()
    for texts, fault in (
        ((public, public), "cannot sign"),
        ((one, public, public), "same id"),
        ((one, b"\n"), "contains no key"),
        ((b"", public), "contains 0 keys"),
    ):
        with pytest.raises(KeysError, match=fault):
            keyring(settings(tmp_path, *texts), "gate")
    with pytest.raises(KeysError, match="cannot be read"):
        keyring(KafkaSettings(verify_keys_file=tmp_path / "nowhere"), "gate")
