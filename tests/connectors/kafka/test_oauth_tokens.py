"""Tokens by client credentials, from a real server on loopback: kept, renewed, refused with a reason, never shown."""

import asyncio
import base64
import dataclasses
import json
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from aiokafka.errors import AuthenticationFailedError

from connectors.kafka import client_credentials
from connectors.kafka.client_credentials import LARGEST_ANSWER, Client, NoTokenError
from connectors.kafka.clients import KafkaSettings
from connectors.kafka.faust_credentials import broker_credentials
from connectors.kafka.login import client_security
from connectors.kafka.oauth_tokens import PAUSE_S, ClientCredentials
from tests.security.authority import Authority
from tests.security.token_server import TokenServer

SECRET = "hidden/47+11=%:é"  # noqa: S105
"""With all that must be encoded."""
GATE = "gate 1:x"


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def now(self) -> float:
        """Give the time."""
        return self.at


@pytest.fixture
def server() -> Iterator[TokenServer]:
    """Run a server with one client."""
    with TokenServer({GATE: SECRET}) as server:
        yield server


@pytest.fixture
def client(server: TokenServer) -> Client:
    """Make that client."""
    return Client(server.url, GATE, SECRET)


async def why_not(client: Client) -> str:
    """Give the reason why a client gets no token, which has no secret in it."""
    with pytest.raises(NoTokenError) as refused:
        await ClientCredentials(client).token()
    text = str(refused.value)
    for hidden in ("hidden", base64.b64encode(f"{quote_plus(GATE)}:{quote_plus(SECRET)}".encode()).decode()):
        assert hidden not in text
    assert "\n" not in text
    assert client.url.split("?")[0] in text or client.secret_file in text
    assert isinstance(refused.value, AuthenticationFailedError)  # what aiokafka takes for a login that failed
    return text


async def test_a_token_is_granted_by_id_and_secret(server: TokenServer, client: Client) -> None:
    """As RFC 6749 has it: the grant, the scope if there is one, and the client by Basic, both parts encoded."""
    token = await ClientCredentials(client).token()
    assert json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))["sub"] == GATE
    await ClientCredentials(dataclasses.replace(client, scope="kafka write")).token()
    assert server.asked == [
        {"grant_type": ["client_credentials"]},
        {"grant_type": ["client_credentials"], "scope": ["kafka write"]},
    ]


async def test_a_token_is_renewed_before_it_expires(server: TokenServer, client: Client) -> None:
    """It is kept for four fifths of its life; then whoever asks next gets another."""
    clock = Hand()
    server.life_s = "100"  # as some servers write it
    provider = ClientCredentials(client, clock.now)
    for at, asked in ((0.0, 1), (79.0, 1), (80.0, 2), (159.0, 2), (160.0, 3), (1_000.0, 4)):
        clock.at = 1_000.0 + at
        await provider.token()
        assert len(server.asked) == asked, at


async def test_a_server_that_is_away_is_borne_until_the_token_expires(
    server: TokenServer, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """The old token serves until its end, and not longer; the server is not asked again at once."""
    clock = Hand()
    server.life_s = 100
    provider = ClientCredentials(client, clock.now)
    token = await provider.token()
    server.answer = lambda: (503, b"down")
    clock.at += 80
    assert await provider.token() == await provider.token() == token
    assert len(server.asked) == 2
    assert "used until it expires" in caplog.text
    clock.at += PAUSE_S
    assert await provider.token() == token
    assert len(server.asked) == 3
    clock.at += 20
    for _ in range(2):
        with pytest.raises(NoTokenError, match="grants no token: 503"):
            await provider.token()
    assert len(server.asked) == 4
    server.answer = None
    clock.at += PAUSE_S
    await provider.token()
    assert token not in caplog.text
    assert SECRET not in caplog.text


def test_all_that_log_in_share_one_token(server: TokenServer, client: Client) -> None:
    """Clients of one process, whatever thread and loop they run in, ask once between them."""
    provider, found = ClientCredentials(client), []

    async def several() -> list[str]:
        return await asyncio.gather(*(provider.token() for _ in range(3)))

    threads = [threading.Thread(target=lambda: found.extend(asyncio.run(several()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), len(set(found)), len(server.asked)) == (12, 1, 1)


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (401, b"", "(check SLUICEGATE_SASL_OAUTH_CLIENT_ID and the client's secret): 401"),
        (400, b'{"error":"invalid_client"}', "(check SLUICEGATE_SASL_OAUTH_CLIENT_ID and the client's secret): 400"),
        (
            400,
            b'{"error":"invalid_scope","error_description":"no\\u001b[1m"}',
            "OAUTH_SCOPE): 400 invalid_scope no?[1m",
        ),
        (400, b'{"error":"unauthorized_client"}', "allow the client the grant client_credentials"),
        (302, b"", "(check SLUICEGATE_SASL_OAUTH_TOKEN_URL): 302"),
        (404, b"<html>", "(check SLUICEGATE_SASL_OAUTH_TOKEN_URL): 404"),
        (500, b"[" * 100_000, "grants no token: 500"),
        (400, json.dumps({"error": "x" * 370 + SECRET, "error_description": SECRET}).encode(), "***"),
        (200, b"", "does not answer with a bearer token: check that SLUICEGATE_SASL_OAUTH_TOKEN_URL"),
        (200, b"[" * 100_000, "not answer with a bearer token"),
        (200, b'{"access_token":"a b","token_type":"bearer"}', "not answer with a bearer token"),
        (200, b'{"access_token":"a","token_type":"mac"}', "not answer with a bearer token"),
        (
            200,
            b'{"access_token":"' + b"a" * LARGEST_ANSWER + b'","token_type":"bearer"}',
            "not answer with a bearer token",
        ),
        (200, b'{"access_token":"a","token_type":"bearer","expires_in":0}', "already expired"),
        (200, b'{"access_token":"a","token_type":"bearer","expires_in":"nan"}', "already expired"),
    ],
)
async def test_the_reason_is_reported(
    server: TokenServer, client: Client, status: int, body: bytes, problem: str
) -> None:
    """One line, with what to do where that is clear; the server's text is bounded and printable, without the secret."""
    server.answer = lambda: (status, body)
    answer = await why_not(client)
    assert problem in answer
    assert len(answer) < 500
    assert len(server.asked) == 1


async def test_a_wrong_secret_is_reported(client: Client) -> None:
    """Without it."""
    answer = await why_not(dataclasses.replace(client, secret="wrong"))  # noqa: S106
    assert answer.endswith("(check SLUICEGATE_SASL_OAUTH_CLIENT_ID and the client's secret): 401 invalid_client")
    assert "wrong" not in answer


async def test_a_server_that_is_not_there_or_silent(
    server: TokenServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for long; the address's query is not shown."""
    gone = await why_not(dataclasses.replace(client, url="http://127.0.0.1:1/token?key=hidden"))
    assert "http://127.0.0.1:1/token cannot be asked: Connection refused" in gone
    monkeypatch.setattr(client_credentials, "TIMEOUT_S", 0.2)
    let_go = threading.Event()

    def silent() -> tuple[int, bytes]:
        let_go.wait(60)
        return 200, b""

    server.answer = silent
    assert "does not answer within 0.2 s" in await why_not(client)
    let_go.set()


async def test_a_secret_from_a_file_is_read_for_each_token(server: TokenServer, client: Client, tmp_path: Path) -> None:
    """So it can be changed without a restart; a file that is gone or empty is reported."""
    file = tmp_path / "secret"
    clock = Hand()
    by_file = dataclasses.replace(client, secret="", secret_file=str(file))
    assert "cannot be read: No such file" in await why_not(by_file)
    file.write_text("\n")
    assert "is empty" in await why_not(by_file)
    provider = ClientCredentials(by_file, clock.now)
    for secret in (SECRET, "another"):
        file.write_text(f"{secret}\n")
        server.clients = {GATE: secret}
        clock.at += 10_000
        await provider.token()


async def test_the_server_is_known_by_its_certificate(tmp_path: Path) -> None:
    """By the authority of the settings, and nobody else's; the host's name is checked."""
    authority = Authority(tmp_path / "ca")
    certificate = authority.issue("login", host="127.0.0.1")
    elsewhere = authority.issue("elsewhere", host="127.0.0.2")
    with TokenServer({GATE: SECRET}, certificate) as server, TokenServer({GATE: SECRET}, elsewhere) as other:
        client = Client(server.url, GATE, SECRET, ca_file=str(authority.ca))
        await ClientCredentials(client).token()
        answer = await why_not(dataclasses.replace(client, ca_file=""))
        assert "is not trusted" in answer
        assert "SLUICEGATE_SASL_OAUTH_CA_FILE" in answer
        assert "for another host" in await why_not(dataclasses.replace(client, url=other.url))
        assert not other.asked


async def test_faust_and_aiokafka_are_given_the_same_provider(
    server: TokenServer, caplog: pytest.LogCaptureFixture
) -> None:
    """One for all clients of a process, by the settings; nothing that can be printed has the secret or the token."""
    settings = KafkaSettings.model_validate(
        {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "OAUTHBEARER",
            "sasl_oauth_token_url": server.url,
            "sasl_oauth_client_id": GATE,
            "sasl_oauth_client_secret": SECRET,
        }
    )
    with caplog.at_level(logging.DEBUG):
        provider = client_security(settings)["sasl_oauth_token_provider"]
        credentials = broker_credentials(settings)
        assert client_security(settings)["sasl_oauth_token_provider"] is provider is vars(credentials)["oauth_cb"]
        token = await provider.token()
    shown: Callable[[object], str] = lambda thing: repr(thing) + str(thing) + repr(vars(thing))  # noqa: E731
    assert SECRET not in shown(settings) + shown(provider) + repr(credentials) + caplog.text
    assert token not in repr(provider) + repr(credentials) + caplog.text
