"""Settings of TLS, logins and pages: faults reported all at once, and no secret anywhere."""

import logging
import re
import traceback
from collections.abc import Mapping
from pathlib import Path

import pytest
from aiokafka.errors import AuthenticationFailedError
from aiokafka.protocol.admin import SaslAuthenticateRequest
from click.testing import CliRunner
from faust.auth import OAuthCredentials, SASLCredentials, SSLCredentials
from pydantic import ValidationError

from connectors.kafka.clients import KafkaSettings
from connectors.kafka.faust_credentials import broker_credentials
from connectors.kafka.login import client_security
from connectors.kafka.oauth_tokens import TokenFile
from streams.cli.main import sluicegate
from streams.runtime.settings import Settings
from tests.security.authority import Authority

SECRET = "hidden-4711"  # noqa: S105
SCRAM = {
    "SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "SASL_MECHANISM": "SCRAM-SHA-512",
    "SASL_USERNAME": "ann",
    "SASL_PASSWORD": SECRET,
}

OAUTH = {
    "SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "SASL_MECHANISM": "OAUTHBEARER",
    "SASL_OAUTH_TOKEN_URL": "https://login.example/token",
    "SASL_OAUTH_CLIENT_ID": "gate",
    "SASL_OAUTH_CLIENT_SECRET": SECRET,
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Make an authority."""
    return Authority(tmp_path_factory.mktemp("ca"))


def settings(**fields: object) -> KafkaSettings:
    """Make settings as flags or variables would."""
    return KafkaSettings.model_validate({name.lower(): value for name, value in fields.items()})


def faults(**variables: str) -> set[str]:
    """Give what `sluicegate settings` has against these variables, one line, one fault a part."""
    env = {f"SLUICEGATE_{name}": value for name, value in variables.items()}
    result = CliRunner().invoke(sluicegate, ["settings"], env=env, standalone_mode=False)
    assert result.exception is not None
    text = str(result.exception)
    assert SECRET not in text
    return {part.removeprefix("SLUICEGATE_") for part in text.split("; ")}


NEEDED = "is needed: SCRAM-SHA-512, SCRAM-SHA-256, PLAIN or OAUTHBEARER"
HASH_FORM = "write sha256: and 64 hexadecimal digits, as `sluicegate token generate` prints them"
NO_USE = "is set, but SLUICEGATE_SECURITY_PROTOCOL is PLAINTEXT, which does not use it"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (
            {"SECURITY_PROTOCOL": "SASL_SSL", "SASL_MECHANISM": "SCRAM-SHA-512", "TLS_CA_FILE": "/no", "WEB_PORT": "x"},
            {
                "WEB_PORT: Input should be a valid integer, unable to parse string as an integer, not 'x'",
                "TLS_CA_FILE: /no cannot be read: No such file or directory",
                "SASL_USERNAME: SCRAM-SHA-512 needs a user",
                "SASL_PASSWORD: SCRAM-SHA-512 needs a password, here or in SLUICEGATE_SASL_PASSWORD_FILE",
            },
        ),
        ({"SECURITY_PROTOCOL": "SASL_SSL"}, {f"SASL_MECHANISM: {NEEDED}"}),
        ({"SASL_USERNAME": "ann", "SASL_PASSWORD": SECRET}, {f"SASL_USERNAME: {NO_USE}", f"SASL_PASSWORD: {NO_USE}"}),
        (
            SCRAM | {"SASL_PASSWORD_FILE": "/no"},
            {
                "SASL_PASSWORD: set either this or SLUICEGATE_SASL_PASSWORD_FILE, not both",
                "SASL_PASSWORD_FILE: /no cannot be read: No such file or directory",
            },
        ),
        (
            SCRAM | {"SASL_MECHANISM": "OAUTHBEARER"},
            {
                "SASL_TOKEN_FILE: OAUTHBEARER needs a file with a token, or SLUICEGATE_SASL_OAUTH_TOKEN_URL",
                "SASL_USERNAME: OAUTHBEARER does not use it",
                "SASL_PASSWORD: OAUTHBEARER does not use it",
            },
        ),
        (
            OAUTH | {"SASL_OAUTH_TOKEN_URL": "http://login.example/token", "SASL_OAUTH_CLIENT_SECRET": ""},
            {
                "SASL_OAUTH_TOKEN_URL: must begin with https://, since a secret is sent there "
                "(http:// is for loopback only)",
                "SASL_OAUTH_CLIENT_SECRET: is needed, here or in SLUICEGATE_SASL_OAUTH_CLIENT_SECRET_FILE",
            },
        ),
        (
            OAUTH | {"SASL_OAUTH_TOKEN_URL": f"https://gate:{SECRET}@login.example", "SASL_OAUTH_CLIENT_ID": ""},
            {
                "SASL_OAUTH_TOKEN_URL: must not contain a user or password: there are settings for them",
                "SASL_OAUTH_CLIENT_ID: is needed with SLUICEGATE_SASL_OAUTH_TOKEN_URL",
            },
        ),
        (
            OAUTH | {"SASL_OAUTH_CLIENT_SECRET_FILE": "/no", "SASL_OAUTH_CA_FILE": "/no", "SASL_TOKEN_FILE": "/no"},
            {
                "SASL_OAUTH_CLIENT_SECRET: set either this or SLUICEGATE_SASL_OAUTH_CLIENT_SECRET_FILE, not both",
                "SASL_OAUTH_CLIENT_SECRET_FILE: /no cannot be read: No such file or directory",
                "SASL_OAUTH_CA_FILE: /no cannot be read: No such file or directory",
                "SASL_TOKEN_FILE: set either this or the SLUICEGATE_SASL_OAUTH_ settings, not both",
                "SASL_TOKEN_FILE: /no cannot be read: No such file or directory",
            },
        ),
        (
            SCRAM | {"SASL_OAUTH_CLIENT_SECRET": SECRET, "SASL_OAUTH_SCOPE": "kafka"},
            {
                "SASL_OAUTH_CLIENT_SECRET: SCRAM-SHA-512 does not use it",
                "SASL_OAUTH_SCOPE: SCRAM-SHA-512 does not use it",
            },
        ),
        ({"SASL_OAUTH_CLIENT_SECRET": SECRET}, {f"SASL_OAUTH_CLIENT_SECRET: {NO_USE}"}),
        ({"SECURITY_PROTOCOL": "SSL", "TLS_KEY_FILE": "k"}, {"TLS_CERT_FILE: is needed with SLUICEGATE_TLS_KEY_FILE"}),
        (
            {"SECURITY_PROTOCOL": "TLS", "SASL_PASSWORD": SECRET},
            {
                "SECURITY_PROTOCOL: Input should be 'PLAINTEXT', 'SSL', 'SASL_PLAINTEXT' or 'SASL_SSL', not 'TLS'",
            },
        ),
        (
            {"WEB_TOKEN_HASH": SECRET},
            {f"WEB_TOKEN_HASH: {HASH_FORM}"},
        ),
        ({"WEB_TOKEN_FILE": "/no"}, {"WEB_TOKEN_FILE: /no cannot be read: No such file or directory"}),
        (
            {"WEB_HOST": "0.0.0.0"},  # noqa: S104
            {
                "WEB_HOST: 0.0.0.0 is not loopback, so /metrics needs a token: "
                "make one with `sluicegate token generate`, "
                "and set SLUICEGATE_WEB_TOKEN_HASH or SLUICEGATE_WEB_TOKEN_FILE"
            },
        ),
    ],
)
def test_all_faults_are_reported_at_once(variables: Mapping[str, str], expected: set[str]) -> None:
    """What is missing, contradicts, or cannot be read: each is named with its variable, in one line."""
    assert faults(**variables) == expected


def test_files_that_do_not_serve(authority: Authority, tmp_path: Path) -> None:
    """A CA that is none, a key of another certificate, a key whose password is wrong or missing: it never asks."""
    other, _ = authority.issue("other")
    certificate, key = authority.issue("me", password=SECRET)
    _, plain_key = authority.issue("third")
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    tls = {"SECURITY_PROTOCOL": "SSL"}
    own = tls | {"TLS_CERT_FILE": str(certificate), "TLS_KEY_FILE": str(key)}
    why = "one of them is not PEM, or the key's password is wrong or missing"
    sealed = f"TLS_CERT_FILE: does not serve with its key: {why}"
    assert faults(**tls, TLS_CA_FILE=str(junk)) == {f"TLS_CA_FILE: {junk} contains no certificate in PEM"}
    assert faults(**own) == {sealed}
    assert faults(**own, TLS_KEY_PASSWORD="wrong") == {sealed}  # noqa: S106
    assert faults(**tls, TLS_CERT_FILE=str(other), TLS_KEY_FILE=str(plain_key)) == {
        "TLS_CERT_FILE: does not serve with its key: the key belongs to another certificate"
    }
    options = client_security(settings(**own, TLS_KEY_PASSWORD=SECRET))
    assert options["ssl_context"].check_hostname


def test_no_secret_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither `sluicegate settings` nor what settings look like has a secret, from a variable or from a file."""
    file = tmp_path / "password"
    file.write_text(f"{SECRET}\n")
    for variables, secret in ((SCRAM, "SASL_PASSWORD"), (OAUTH, "SASL_OAUTH_CLIENT_SECRET")):
        by_file = {name: value for name, value in variables.items() if name != secret}
        for given in (variables, by_file | {f"{secret}_FILE": str(file)}):
            env = {f"SLUICEGATE_{name}": value for name, value in given.items()}
            for text in (["settings"], ["settings", "--json"]):
                result = CliRunner().invoke(sluicegate, text, env=env)
                assert result.exit_code == 0
                assert SECRET not in result.output
            made = settings(**given)
            assert client_security(made).get("sasl_plain_password", SECRET) == SECRET
            assert SECRET not in repr(made) + str(made.model_dump()) + made.model_dump_json() + repr(
                broker_credentials(made)
            )


def test_every_setting_of_a_secret_is_one_that_does_not_show() -> None:
    """What is called a password, a secret or a key is a SecretStr, unless it is a file, an id or a hash."""
    named = {name for name in Settings.model_fields if re.search("password|secret|signing_key|token", name)}
    hidden = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    assert named - hidden == {name for name in named if name.endswith(("_file", "_url", "_hash"))}, (
        "a setting with a secret in it must be a SecretStr"
    )
    assert hidden == {"tls_key_password", "sasl_password", "sasl_oauth_client_secret", "signing_key"}


def test_no_secret_is_in_a_traceback() -> None:
    """A program that makes settings itself gets an exception without the password."""
    with pytest.raises(ValidationError) as raised:
        settings(
            **SCRAM | {"SASL_USERNAME": "", "TLS_KEY_PASSWORD": SECRET, "SASL_OAUTH_CLIENT_SECRET": SECRET}, BOOTSTRAP=7
        )
    assert SECRET not in "".join(traceback.format_exception(raised.value))
    assert "SCRAM-SHA-512 needs a user" in str(raised.value)


def test_no_secret_is_logged_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    """Of what aiokafka prints at debug, requests that log in are left out."""
    log = logging.getLogger("aiokafka.conn")
    request = SaslAuthenticateRequest(SECRET.encode()).prepare({36: (0, 1)})
    with caplog.at_level(logging.DEBUG, "aiokafka.conn"):
        log.debug("Request to %s:%d %d: %s", "host", 1, 1, request)
        log.debug("Request to %s:%d %d: %s", "host", 1, 2, "another")
    assert "another" in caplog.text
    assert SECRET not in caplog.text


def test_faust_gets_the_same(authority: Authority, tmp_path: Path) -> None:
    """The TLS context is inside the credentials, where Faust looks for it."""
    token = tmp_path / "token"
    token.write_text("token")
    ca = {"TLS_CA_FILE": str(authority.ca)}
    assert broker_credentials(settings()) is None
    tls = broker_credentials(settings(SECURITY_PROTOCOL="SSL", **ca))
    assert isinstance(tls, SSLCredentials)
    assert tls.context.get_ca_certs()
    login = broker_credentials(settings(**SCRAM | ca | {"SECURITY_PROTOCOL": "SASL_SSL"}))
    assert isinstance(login, SASLCredentials)
    assert (login.protocol.value, login.mechanism.value) == ("SASL_SSL", "SCRAM-SHA-512")
    assert login.ssl_context is not None
    assert login.ssl_context.get_ca_certs()
    by_token = broker_credentials(
        settings(SECURITY_PROTOCOL="SASL_SSL", SASL_MECHANISM="OAUTHBEARER", SASL_TOKEN_FILE=str(token), **ca)
    )
    assert isinstance(by_token, OAuthCredentials)
    assert by_token.protocol.value == "SASL_SSL"


async def test_the_token_is_read_again(tmp_path: Path) -> None:
    """For each connection; a file that is gone or empty is a failed login, not a crash."""
    file = tmp_path / "token"
    provider = TokenFile(str(file))
    with pytest.raises(AuthenticationFailedError, match="cannot be read: No such file"):
        await provider.token()
    for token in ("one", "two"):
        file.write_text(f"{token}\n")
        assert await provider.token() == token
    file.write_text("\n")
    with pytest.raises(AuthenticationFailedError, match="is empty"):
        await provider.token()
