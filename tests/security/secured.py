"""An Apache Kafka 4 with TLS, logins and access control, and the variables by which each role reaches it."""

from collections.abc import Mapping
from pathlib import Path

from streams.demo.embedded_broker import LOOPBACK
from tests.brokers import MavenKafka
from tests.security.access_table import rights
from tests.security.authority import Authority
from tests.security.token_server import unsecured

SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"
OAUTH = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required"
OAUTH_CHECKS = (
    "org.apache.kafka.common.security.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler"
)
REAUTH_MS = 4_000
"""After this time the listener CLEAR demands that a client logs in again."""

ROLES = sorted({right.role for right in rights()})


def password(role: str) -> str:
    """Give the password of a role's user."""
    return f"hidden-{role}-4711"


class SecuredKafka:
    """The broker: SASL (SASL_SSL, every mechanism), MTLS, CLEAR (SASL_PLAINTEXT); the plain one is the tests'."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(folder / "ca")
        self.broker = MavenKafka(
            listeners={"SASL": "SASL_SSL", "MTLS": "SSL", "CLEAR": "SASL_PLAINTEXT"},
            properties=self._properties(),
            format_words=_scram_users(),
        )

    def _properties(self) -> Mapping[str, str]:
        certificate, key = self.authority.issue("broker", host=LOOPBACK)
        store = self.folder / "broker-with-key.pem"
        store.write_bytes(key.read_bytes() + certificate.read_bytes())
        plain_users = " ".join(f'user_{role}="{password(role)}"' for role in ROLES)
        return {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(store),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.authority.ca),
            "listener.name.mtls.ssl.client.auth": "required",
            "ssl.principal.mapping.rules": "RULE:^CN=(.*)$/$1/",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512,SCRAM-SHA-256,PLAIN,OAUTHBEARER",
            "listener.name.clear.scram-sha-256.sasl.jaas.config": SCRAM,
            "listener.name.clear.connections.max.reauth.ms": str(REAUTH_MS),
            "listener.name.clear.sasl.enabled.mechanisms": "SCRAM-SHA-256",
            "listener.name.sasl.scram-sha-512.sasl.jaas.config": SCRAM,
            "listener.name.sasl.scram-sha-256.sasl.jaas.config": SCRAM,
            "listener.name.sasl.plain.sasl.jaas.config": f"{PLAIN} {plain_users};",
            "listener.name.sasl.oauthbearer.sasl.jaas.config": f'{OAUTH} unsecuredLoginStringClaim_sub="broker";',
            "listener.name.sasl.oauthbearer.sasl.server.callback.handler.class": OAUTH_CHECKS,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "false",
            "super.users": "User:ANONYMOUS",
        }

    def scram(self, role: str, mechanism: str = "SCRAM-SHA-512") -> dict[str, str]:
        """Give the variables for a role that logs in by its password."""
        return {
            "SLUICEGATE_BOOTSTRAP": self.broker.addresses["SASL"],
            "SLUICEGATE_SECURITY_PROTOCOL": "SASL_SSL",
            "SLUICEGATE_TLS_CA_FILE": str(self.authority.ca),
            "SLUICEGATE_SASL_MECHANISM": mechanism,
            "SLUICEGATE_SASL_USERNAME": role,
            "SLUICEGATE_SASL_PASSWORD": password(role),
        }

    def clear(self, role: str) -> dict[str, str]:
        """Give the variables for a role that logs in by its password, without TLS."""
        tls = self.scram(role, "SCRAM-SHA-256") | {"SLUICEGATE_BOOTSTRAP": self.broker.addresses["CLEAR"]}
        del tls["SLUICEGATE_TLS_CA_FILE"]
        return tls | {"SLUICEGATE_SECURITY_PROTOCOL": "SASL_PLAINTEXT"}

    def oauth(self, role: str) -> dict[str, str]:
        """Give the variables for a role that shows a token, good for an hour, signed by nobody."""
        self.token(role).write_text(unsecured(role) + "\n")
        return self._bearer() | {"SLUICEGATE_SASL_TOKEN_FILE": str(self.token(role))}

    def granted(self, role: str, url: str) -> dict[str, str]:
        """Give the variables for a role that is granted tokens by a server, for its id and password."""
        return self._bearer() | {
            "SLUICEGATE_SASL_OAUTH_TOKEN_URL": url,
            "SLUICEGATE_SASL_OAUTH_CLIENT_ID": role,
            "SLUICEGATE_SASL_OAUTH_CLIENT_SECRET": password(role),
            "SLUICEGATE_SASL_OAUTH_CA_FILE": str(self.authority.ca),
        }

    def _bearer(self) -> dict[str, str]:
        return {
            "SLUICEGATE_BOOTSTRAP": self.broker.addresses["SASL"],
            "SLUICEGATE_SECURITY_PROTOCOL": "SASL_SSL",
            "SLUICEGATE_TLS_CA_FILE": str(self.authority.ca),
            "SLUICEGATE_SASL_MECHANISM": "OAUTHBEARER",
        }

    def token(self, role: str) -> Path:
        """Give the file with a role's token."""
        return self.folder / f"{role}.token"

    def mtls(self, role: str) -> dict[str, str]:
        """Give the variables for a role that shows a certificate, whose key has a password."""
        certificate, key = self.authority.issue(role, password=password(role))
        secret = self.folder / f"{role}.password"
        secret.write_text(password(role) + "\n")
        return {
            "SLUICEGATE_BOOTSTRAP": self.broker.addresses["MTLS"],
            "SLUICEGATE_SECURITY_PROTOCOL": "SSL",
            "SLUICEGATE_TLS_CA_FILE": str(self.authority.ca),
            "SLUICEGATE_TLS_CERT_FILE": str(certificate),
            "SLUICEGATE_TLS_KEY_FILE": str(key),
            "SLUICEGATE_TLS_KEY_PASSWORD_FILE": str(secret),
        }


def _scram_users() -> list[str]:
    return [
        word
        for mechanism in ("SCRAM-SHA-512", "SCRAM-SHA-256")
        for role in ROLES
        for word in ("--add-scram", f"{mechanism}=[name={role},password={password(role)}]")
    ]
