"""Where a worker's pages listen, and who may see them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from connectors.addresses import is_loopback
from connectors.settings import StrictSettings

HASH: Final = re.compile(r"sha256:[0-9a-f]{64}")
"""How the hash of a token is written."""

SHORTEST_TOKEN: Final = 32
"""Characters: a hash without salt or stretching keeps a token secret only if nobody can guess it."""


class WebSettings(StrictSettings):
    """The web server's part of a worker's settings."""

    web_host: str = Field("127.0.0.1", description="address that /metrics, /healthz and /readyz listen on")
    web_port: int = Field(6066, ge=0, le=65535, description="port that /metrics, /healthz and /readyz listen on")
    web_token_hash: str = Field(
        "",
        description="hashes of bearer tokens that /metrics asks for, separated by commas (sluicegate token generate)",
    )
    web_token_file: str = Field(
        "", description="a file with the bearer token that /metrics asks for, instead of a hash"
    )

    @classmethod
    def faults(cls, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """See `StrictSettings`: beyond loopback there is a token."""
        yield from super().faults(given)
        host, hashes, file = (str(given.get(f"web_{word}") or "") for word in ("host", "token_hash", "token_file"))
        if "web_host" in given and not is_loopback(host) and not hashes and not file:
            yield (
                "web_host",
                f"{host or 'every address'} is not loopback, so /metrics needs a token: make one with "
                "`sluicegate token generate`, and set SLUICEGATE_WEB_TOKEN_HASH or SLUICEGATE_WEB_TOKEN_FILE",
            )
        if any(not HASH.fullmatch(one) for one in _words(hashes)):
            yield (
                "web_token_hash",
                "write sha256: and 64 hexadecimal digits, as `sluicegate token generate` prints them",
            )
        if file:
            yield from _file_faults(file)

    @property
    def web_token_digests(self) -> tuple[bytes, ...]:
        """The SHA-256 digests of the tokens that are good, from the setting and from the file; none: all may see all.

        Raises:
            OSError: the file cannot be read.
        """
        from hashlib import sha256

        digests = [bytes.fromhex(one.removeprefix("sha256:")) for one in _words(self.web_token_hash)]
        if self.web_token_file:
            digests.append(sha256(_token(self.web_token_file).encode()).digest())
        return tuple(digests)


def _words(hashes: str) -> list[str]:
    return [one.strip() for one in hashes.split(",") if one.strip()]


def _token(path: str) -> str:
    return Path(path).read_text(encoding="utf-8").strip()


def _file_faults(path: str) -> Iterator[tuple[str, str]]:
    try:
        if len(_token(path)) < SHORTEST_TOKEN:
            yield "web_token_file", f"{path}: a token has at least {SHORTEST_TOKEN} characters"
    except (OSError, ValueError) as error:
        yield "web_token_file", f"{path} cannot be read: {getattr(error, 'strerror', None) or type(error).__name__}"
