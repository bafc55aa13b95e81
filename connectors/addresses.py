"""Addresses: which ones only this machine can reach, which ones a secret may be sent to, and why none listens."""

from __future__ import annotations

import errno
import ipaddress
import os
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


def listening_fault(host: str, port: int, error: OSError, process: str, host_setting: str, port_settings: str) -> str:
    """Why a process of this kind cannot serve its pages there, and what to do, in one sentence.

    >>> listening_fault("::1", 80, PermissionError(13, "denied"), "actuator", "--web-host", "--metrics-port")
    '/metrics and /healthz cannot listen on ::1:80: Permission denied: set --web-host, --metrics-port'
    """
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} of {host} is in use, perhaps by another {process}: "
            f"give each {process} on a machine a port of its own ({port_settings})"
        )
    fault = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror or error)
    return f"/metrics and /healthz cannot listen on {host}:{port}: {fault}: set {host_setting}, {port_settings}"
