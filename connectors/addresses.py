"""Addresses: which ones only this machine can reach, and which ones a secret may be sent to."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on this host.

    >>> [is_loopback(host) for host in ("localhost", "127.8.0.1", "::1", "0.0.0.0", "", "gate.example")]
    [True, True, True, False, False, False]
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def secret_address_fault(url: str) -> str | None:
    """Why a secret must not be sent to a web address, without quoting the address; None if it may be sent.

    >>> secret_address_fault("https://login.example/oauth2/token"), secret_address_fault("http://localhost:8080/token")
    (None, None)
    >>> secret_address_fault("http://login.example/oauth2/token")
    'must begin with https://, since a secret is sent there (http:// is for loopback only)'
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a web address"
    if parts.username is not None or parts.password is not None:
        return "must not contain a user or password: there are settings for them"
    if not host or parts.fragment or not url.isascii() or not url.isprintable() or " " in url:
        return "is not a web address that a secret can be sent to"
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        return "must begin with https://, since a secret is sent there (http:// is for loopback only)"
    return None
