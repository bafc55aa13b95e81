"""Addresses: which are of this machine alone, and which a secret may be sent to."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Whether what listens there is reached from this machine only.

    >>> [is_loopback(host) for host in ("localhost", "127.8.0.1", "::1", "0.0.0.0", "", "gate.example")]
    [True, True, True, False, False, False]
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def secret_address_fault(url: str) -> str | None:
    """What keeps a web address from being one to send a secret to, in words that do not quote it; None if nothing does.

    >>> secret_address_fault("https://login.example/oauth2/token"), secret_address_fault("http://localhost:8080/token")
    (None, None)
    >>> secret_address_fault("http://login.example/oauth2/token")
    'must begin with https://, since a secret is sent there (http:// is for loopback alone)'
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is no web address"
    if parts.username is not None or parts.password is not None:
        return "must have no user or password in it: there are settings for them"
    if not host or parts.fragment or not url.isascii() or not url.isprintable() or " " in url:
        return "is no web address to send a secret to"
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        return "must begin with https://, since a secret is sent there (http:// is for loopback alone)"
    return None
