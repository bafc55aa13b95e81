"""Faust's TLS and SASL settings: the same as those of every other client.

The TLS context goes inside the credentials, because Faust ignores one that is given beside them.
"""

from __future__ import annotations

from faust.auth import Credentials, OAuthCredentials, SASLCredentials, SSLCredentials

from connectors.kafka.clients import KafkaSettings
from connectors.kafka.login import client_security


def broker_credentials(settings: KafkaSettings) -> Credentials | None:
    """Faust's credentials for these settings; None for plain text.

    Raises:
        OSError: a file that the settings name cannot be read.
    """
    known = client_security(settings)
    context = known.get("ssl_context")
    match settings.security_protocol, settings.sasl_mechanism:
        case "PLAINTEXT", _:
            return None
        case "SSL", _:
            return SSLCredentials(context)
        case _, "OAUTHBEARER":
            return OAuthCredentials(oauth_cb=known["sasl_oauth_token_provider"], ssl_context=context)
    return SASLCredentials(
        username=known["sasl_plain_username"],
        password=known["sasl_plain_password"],
        mechanism=known["sasl_mechanism"],
        ssl_context=context,
    )
