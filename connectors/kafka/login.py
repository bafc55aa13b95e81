"""How an aiokafka client logs in and verifies the broker, and a filter that keeps secrets out of its logs."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from typing import Any

from aiokafka.abc import AbstractTokenProvider

from connectors.kafka.private_aiokafka import replace_old_sessions
from connectors.kafka.security import SecuritySettings, add_own_certificate, plain, secret


def client_security(settings: SecuritySettings) -> dict[str, Any]:
    """The security options of an aiokafka client; files are read now.

    Raises:
        OSError: a file can no longer be read (or, as ssl.SSLError, its content has become unusable).
    """
    given = vars(settings)
    options: dict[str, Any] = {"security_protocol": settings.security_protocol}
    if settings.security_protocol.endswith("SSL"):
        options["ssl_context"] = _context(given)
    if settings.security_protocol.startswith("SASL"):
        replace_old_sessions()
        options["sasl_mechanism"] = settings.sasl_mechanism
        if settings.sasl_mechanism == "OAUTHBEARER":
            options["sasl_oauth_token_provider"] = _token_provider(settings)
        else:
            options["sasl_plain_username"] = settings.sasl_username
            options["sasl_plain_password"] = secret(given, "sasl_password")
    return options


def _context(given: Mapping[str, Any]) -> ssl.SSLContext:
    """TLS 1.2 or later, which verifies the broker's certificate and host name."""
    context = ssl.create_default_context(cafile=plain(given, "tls_ca_file") or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if plain(given, "tls_cert_file"):
        add_own_certificate(context, given)
    return context


def _token_provider(settings: SecuritySettings) -> AbstractTokenProvider:
    from connectors.kafka.client_credentials import Client
    from connectors.kafka.oauth_tokens import TokenFile, client_credentials

    if settings.sasl_token_file:
        return TokenFile(settings.sasl_token_file)
    return client_credentials(
        Client(
            settings.sasl_oauth_token_url,
            settings.sasl_oauth_client_id,
            settings.sasl_oauth_client_secret.get_secret_value(),
            settings.sasl_oauth_client_secret_file,
            settings.sasl_oauth_scope,
            settings.sasl_oauth_ca_file,
        )
    )


def _has_no_secret(record: logging.LogRecord) -> bool:
    """Whether aiokafka may log a record: at debug level it logs whole requests, with passwords and tokens."""
    args = record.args if isinstance(record.args, tuple) else ()
    return not any(type(one).__name__.startswith("Sasl") for one in args)


logging.getLogger("aiokafka.conn").addFilter(_has_no_secret)
