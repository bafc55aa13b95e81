"""Tokens for OAUTHBEARER: from a file that another program keeps fresh, or by client credentials (RFC 6749, 4.4).

Each connection asks its provider, from several threads: Faust's consumer has an event loop of its own. No log line here
contains a secret or a token.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from aiokafka.abc import AbstractTokenProvider

from connectors.kafka.client_credentials import TIMEOUT_S, Client, NoTokenError, granted, shown, text_of

log = logging.getLogger(__name__)

PAUSE_S: Final = 1.0
"""The pause after a failure before the server is asked again."""
RENEWED_AT: Final = 0.8
"""The part of its life after which a token is renewed. If that fails, the token still serves until it expires."""


class TokenFile(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka.abc is untyped
    """Tokens from a file, read for each connection."""

    def __init__(self, path: str) -> None:
        self._path = path

    async def token(self) -> str:
        """The token as of now.

        Raises:
            NoTokenError: the file cannot be read, or is empty.
        """
        return await asyncio.to_thread(text_of, self._path)


class _Held(NamedTuple):
    token: str
    renew_at: float
    good_until: float


class ClientCredentials(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka.abc is untyped
    """Tokens that a server grants to a client by its id and secret. Each is used for four fifths of its life.

    `now` is a clock in seconds that never goes back.
    """

    def __init__(self, client: Client, now: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._now = now
        self._lock = threading.Lock()
        self._held: _Held | None = None
        self._failure: tuple[float, str] | None = None

    async def token(self) -> str:
        """A valid token.

        Raises:
            NoTokenError: the server grants none.
        """
        return await asyncio.to_thread(self._current)

    def _current(self) -> str:
        if not self._lock.acquire(timeout=2 * TIMEOUT_S):
            raise NoTokenError(f"{shown(self._client.url)} does not answer")
        try:
            now = self._now()
            if self._held is None or now >= self._held.renew_at:
                self._renew(now)
            if self._held is not None and self._now() < self._held.good_until:
                return self._held.token
            raise NoTokenError("it has expired" if self._failure is None else self._failure[1])
        finally:
            self._lock.release()

    def _renew(self, now: float) -> None:
        if self._failure is not None and now < self._failure[0] + PAUSE_S:
            return
        try:
            token, life = granted(self._client)
        except NoTokenError as error:
            self._failure = self._now(), str(error.args[0])
            if self._held is not None and self._failure[0] < self._held.good_until:
                log.warning("the token could not be renewed; the old one is used until it expires: %s", error.args[0])
        else:
            self._held, self._failure = _Held(token, now + RENEWED_AT * life, now + life), None


@lru_cache(maxsize=4)
def client_credentials(client: Client) -> ClientCredentials:
    """The provider for a client. All that log in as this client get the same one, and share its token."""
    return ClientCredentials(client)
