"""Who may read a worker's pages."""

from hashlib import sha256
from pathlib import Path

import pytest
from pydantic import ValidationError

from streams.runtime.web_settings import SHORTEST_TOKEN, WebSettings

TOKEN = "t" * SHORTEST_TOKEN
HASH = "sha256:" + sha256(TOKEN.encode()).hexdigest()
EVERYWHERE = "0.0.0.0"  # noqa: S104


def settings(**fields: object) -> WebSettings:
    """Return the settings of these fields."""
    return WebSettings.model_validate(fields)


@pytest.mark.parametrize("host", [EVERYWHERE, "", "gate.example", "::"])
def test_other_machines_need_a_token(host: str) -> None:
    """Loopback does not."""
    assert settings(web_host="::1").web_token_digests == ()
    with pytest.raises(ValidationError, match="is not loopback, so /metrics needs a token"):
        settings(web_host=host)
    assert settings(web_host=host, web_token_hash=HASH).web_host == host


def test_tokens_come_from_hashes_and_a_file(tmp_path: Path) -> None:
    """Several at once, so that one can be replaced while the other still counts; white space does not matter."""
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    other = "sha256:" + "0" * 64
    found = settings(web_token_hash=f"{other}, {HASH},", web_token_file=str(file)).web_token_digests
    digest = sha256(TOKEN.encode()).digest()
    assert found == (bytes(32), digest, digest)


@pytest.mark.parametrize("wrong", ["sha256:abc", HASH.upper(), HASH.removeprefix("sha256:"), f"{HASH} {HASH}"])
def test_a_hash_has_one_form(wrong: str) -> None:
    """A mistyped one would lock every scraper out."""
    with pytest.raises(ValidationError, match="write sha256: and 64 hexadecimal digits"):
        settings(web_token_hash=wrong)


def test_a_file_must_hold_a_token_that_cannot_be_guessed(tmp_path: Path) -> None:
    """A short one, a missing file and one that is no text are faults, which do not quote it."""
    short, binary = tmp_path / "short", tmp_path / "binary"
    short.write_text("hunter2")
    binary.write_bytes(b"\xff" * 40)
    for file, message in (
        (short, f"a token must have at least {SHORTEST_TOKEN} characters"),
        (tmp_path / "none", "cannot be read: No such file"),
        (binary, "cannot be read: UnicodeDecodeError"),
    ):
        with pytest.raises(ValidationError, match=message) as error:
            settings(web_token_file=str(file))
        assert "hunter2" not in str(error.value)
