"""The whole pipeline on an Apache Kafka 4 that asks for TLS, a login and rights: those of docs/security.md, no more."""

import asyncio
import json
import os
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from connectors.kafka import clients
from connectors.kafka.acl import AccessError, require
from connectors.kafka.clients import KafkaSettings
from streams.demo.embedded_broker import LOOPBACK
from streams.runtime.settings import ROLES, Role, Settings
from streams.worker.acl_needs import needs_of
from tests.pipeline.harness import POLICY, SLUICEGATE, Site, traffic
from tests.security.access_table import Right, allow, rights
from tests.security.authority import Authority
from tests.security.commands import Done, settings_of, sluicegate
from tests.security.secured import REAUTH_MS, SecuredKafka, password
from tests.security.token_server import TokenServer, unsecured
from tools.topics_page import examples as topics_examples

pytestmark = pytest.mark.kafka

Login = Callable[[str], dict[str, str]]
WORKER = "worker"
"""The user of a worker that does everything: it has the rights of each role."""


@pytest.fixture
async def site(secured: SecuredKafka) -> AsyncIterator[Site]:
    """An installation whose every role has its rights; the same for all tests of this file."""
    async with Site(secured.broker.bootstrap, "s.") as site:
        union = [replace(right, role=WORKER) for right in rights("s.") if right.role in ROLES]
        await allow(site.settings, [*rights("s."), *union])
        yield site


async def test_everything_works_over_scram_each_role_with_its_own_rights(
    secured: SecuredKafka, site: Site, tmp_path: Path
) -> None:
    """Four workers, one a role, an actuator, an operator, a producer and readers, all over SASL_SSL SCRAM-SHA-512."""
    workers = [site.worker(role, SLUICEGATE_LOG_LEVEL="debug", **secured.scram(role)) for role in ROLES]
    await asyncio.gather(*(worker.ready() for worker in workers))
    await _a_bad_canary_is_rolled_back(site, secured.scram, tmp_path)
    prefix = {"SLUICEGATE_TOPIC_PREFIX": "s."}
    replayed = await sluicegate(secured.scram("auditor") | prefix, "replay", "--journal", "--json")
    assert (replayed.code, replayed.errors) == (0, "")
    assert replayed.output.encode().splitlines() == list((await site.decisions()).values())
    verified = await sluicegate(secured.scram("auditor") | prefix, "audit", "verify")
    assert verified.code == 0, verified
    redriven = await sluicegate(secured.scram("redriver") | prefix, "dlq", "redrive", "--reason", "bad_json", "--force")
    assert redriven.code == 0, redriven
    listed = await sluicegate(secured.scram("installer") | prefix, "topics", "ensure")
    assert listed.code == 0
    for worker in workers:
        assert worker.stop() == 0, worker.log()
        assert "hidden-" not in worker.log()
        assert "Authorization" not in worker.log()


async def test_auditors_and_redrivers_have_the_rights_they_need_and_no_more(secured: SecuredKafka, site: Site) -> None:
    """An auditor reads letters, log and journal, and sends nothing; a redriver sends letters, and reads no more."""
    letter = replace(topics_examples.dead_letter(), topic=site.topics.events)
    async with clients.producer(site.settings) as producer:  # as the super user
        await producer.send_and_wait(site.topics.dead_letters, letter.body(), headers=letter.headers())
    auditor, redriver = (secured.scram(role) | {"SLUICEGATE_TOPIC_PREFIX": "s."} for role in ("auditor", "redriver"))
    address = f"{letter.topic}/{letter.partition}/{letter.offset}"
    for words in (("dlq", "list"), ("dlq", "show", address), ("audit", "export"), ("audit", "verify")):
        done = await sluicegate(auditor, *words)
        assert done.code == 0, (words, done)
    refused: tuple[tuple[dict[str, str], tuple[str, ...], str], ...] = (
        (auditor, ("dlq", "redrive", address, "--force"), "s.dead-letters"),
        (redriver, ("audit", "export"), "s.audit-log"),
        (redriver, ("replay", "--journal"), "s.gate-journal"),
    )
    for variables, command, missing in refused:
        done = await sluicegate(variables, *command)
        assert (done.code, done.errors.count("\n")) == (1, 1), done
        assert missing in done.errors
    done = await sluicegate(redriver, "dlq", "redrive", address, "--force")
    assert done.code == 0, done


async def test_everything_works_over_mtls(secured: SecuredKafka, site: Site, tmp_path: Path) -> None:
    """The same with certificates instead, and one worker that has the rights of all roles."""
    worker = site.worker(**secured.mtls(WORKER))
    await worker.ready()
    await _a_bad_canary_is_rolled_back(site, secured.mtls, tmp_path)
    assert worker.stop() == 0, worker.log()


@pytest.mark.parametrize("how", ["plain", "token", "clear"])
async def test_a_worker_logs_in_otherwise(secured: SecuredKafka, site: Site, how: str) -> None:
    """By PLAIN, OAUTHBEARER, and SCRAM-SHA-256 without TLS; and not even a log at debug has the password or token."""
    ways = {
        "plain": (secured.scram("sequencer", "PLAIN"), password("sequencer")),
        "token": (secured.oauth("sequencer"), secured.token("sequencer").read_text().strip()),
        "clear": (secured.clear("sequencer"), password("sequencer")),
    }
    variables, secret = ways[how]
    worker = site.worker("sequencer", SLUICEGATE_LOG_LEVEL="debug", **variables)
    await worker.ready()
    assert worker.stop() == 0, worker.log()
    assert secret not in worker.log()
    assert "SaslAuthenticate" not in worker.log()
    assert "aiokafka" in worker.log()


async def test_logins_that_expire_are_renewed_without_a_warning(secured: SecuredKafka, site: Site) -> None:
    """Workers of all roles, over three lives of their logins: no request fails, and nothing is logged."""
    workers = [site.worker(role, SLUICEGATE_LOG_LEVEL="warning", **secured.clear(role)) for role in ROLES]
    await asyncio.gather(*(worker.ready() for worker in workers))
    await asyncio.sleep(1.0)
    before = [len(worker.log().splitlines()) for worker in workers]
    await asyncio.sleep(3 * REAUTH_MS / 1000)
    for worker, lines in zip(workers, before, strict=True):
        assert worker.log().splitlines()[lines:] == []
        assert '"ok":true' in worker.get("/healthz")
    assert [worker.stop() for worker in workers] == [0] * len(workers)


async def test_a_worker_asks_a_server_for_its_tokens(secured: SecuredKafka, site: Site) -> None:
    """By client credentials: Faust and our own clients log in, again and again, and nothing has the secret."""
    certificate = secured.authority.issue("login", host=LOOPBACK)
    with TokenServer({WORKER: password(WORKER)}, certificate) as server:
        server.life_s = 4
        worker = site.worker(SLUICEGATE_LOG_LEVEL="debug", **secured.granted(WORKER, server.url))
        await worker.ready()
        assert worker.stop() == 0, worker.log()
        assert 1 <= len(server.asked) <= 10
        for hidden in (password(WORKER), unsecured(WORKER).split(".")[0], "Authorization"):
            assert hidden not in worker.log()
        listed = await sluicegate(secured.granted(WORKER, server.url), "topics", "list")
        assert (listed.code, listed.errors) == (0, "")
        wrong = {"SLUICEGATE_SASL_OAUTH_CLIENT_SECRET": "hidden-wrong"}
        refused = await sluicegate(secured.granted(WORKER, server.url) | wrong, "topics", "list")
        _is_one_line(
            refused, f"requires a token, and there is none: {server.url} grants no token (check SLUICEGATE_SASL"
        )
    stranger = await sluicegate(secured.granted(WORKER, server.url), "rollout", "list")
    _is_one_line(stranger, f"{server.url} cannot be asked: Connection refused")


@pytest.mark.parametrize(
    "words", [("worker",), ("rollout", "list"), ("topics", "list"), ("actuate", "log"), ("replay", "--journal")]
)
async def test_what_the_broker_refuses_is_one_line(secured: SecuredKafka, words: tuple[str, ...]) -> None:
    """A wrong password, an authority that is not known: exit code 1, the reason, no traceback, no secret."""
    wrong = await sluicegate(secured.scram("reader") | {"SLUICEGATE_SASL_PASSWORD": "hidden-wrong"}, *words)
    _is_one_line(wrong, "does not accept user 'reader' with this password (SCRAM-SHA-512")
    stranger = Authority(secured.folder / "stranger")
    untrusted = await sluicegate(secured.scram("reader") | {"SLUICEGATE_TLS_CA_FILE": str(stranger.ca)}, *words)
    _is_one_line(untrusted, "has a certificate that is not trusted")


async def test_other_refusals_are_one_line_too(secured: SecuredKafka) -> None:
    """A client's certificate from elsewhere or none, another protocol, a token that is not valid."""
    certificate, key = Authority(secured.folder / "elsewhere").issue("reader")
    mtls = secured.mtls("reader")
    foreign = {"SLUICEGATE_TLS_CERT_FILE": str(certificate), "SLUICEGATE_TLS_KEY_FILE": str(key)}
    none = {name: value for name, value in mtls.items() if "_CERT_" not in name and "_KEY_" not in name}
    void = secured.oauth("reader")
    secured.token("reader").write_text("hidden-token")
    sasl, plain = secured.broker.addresses["SASL"], secured.broker.bootstrap
    for variables, words in (
        (mtls | foreign, "closed the connection: it requires a trusted certificate"),
        (none, "closed the connection: it requires a trusted certificate"),
        ({"SLUICEGATE_BOOTSTRAP": sasl}, "SLUICEGATE_SECURITY_PROTOCOL (PLAINTEXT)"),
        (secured.scram("reader") | {"SLUICEGATE_BOOTSTRAP": plain}, "SLUICEGATE_SECURITY_PROTOCOL (SASL_SSL)"),
        (void, "does not accept the token of SLUICEGATE_SASL_TOKEN_FILE"),
    ):
        _is_one_line(await sluicegate(variables, "rollout", "list"), words)


async def test_each_missing_right_of_a_worker_is_named(secured: SecuredKafka, site: Site) -> None:
    """Whichever one right is missing, the worker's check names its operation and what it is on, and nothing else."""
    cases: list[tuple[str, Role, Right]] = [
        (f"{role}-{number}", role, right)
        for role in ROLES
        for number, right in enumerate(rights("s."))
        if right.role == role and right.operation in ("Read", "Write")
    ]
    most = [
        replace(right, role=user)
        for user, role, missing in cases
        for right in rights("s.")
        if right.role == role and right != missing
    ]
    await allow(site.settings, most)
    for user, role, missing in cases:
        settings = settings_of(secured.mtls(user), "s.")
        needs = needs_of(Settings.model_validate(settings.model_dump() | {"roles": (role,)}))
        with pytest.raises(AccessError) as refused:
            await require(settings, needs)
        named = str(refused.value).split("does not allow: ")[1].split(" (docs")[0]
        assert named == f"{missing.operation} on {missing.kind} {missing.name}"


async def test_a_missing_right_is_one_line_on_the_command_line(secured: SecuredKafka, site: Site, policy: str) -> None:
    """An operator, a worker and an actuator without a permission get its name; only the actuator waits for it."""
    prefix = {"SLUICEGATE_TOPIC_PREFIX": "s."}
    reader = secured.scram("reader") | prefix
    order = await sluicegate(reader, "rollout", "start", policy)
    _is_one_line(order, "does not allow: Write on topic s.rollout-policies (docs/security.md")
    worker = await sluicegate(reader, "worker", "--role", "ingest")
    _is_one_line(worker, "Write on topic s.gate-journal")
    actuating = await asyncio.create_subprocess_exec(
        *(SLUICEGATE, "actuate", "log"), env=os.environ | reader, stderr=subprocess.PIPE
    )
    assert actuating.stderr is not None
    logged = (await asyncio.wait_for(actuating.stderr.readuntil(b"trying again"), 30)).decode()
    assert "Read on topic s.rollback-commands, Write on topic s.command-acks" in logged
    actuating.terminate()
    assert await actuating.wait() == 0


@pytest.fixture
def policy(tmp_path: Path) -> str:
    """Write the policy."""
    path = tmp_path / "policy.yaml"
    path.write_text(yaml.safe_dump(POLICY.document()))
    return str(path)


async def _a_bad_canary_is_rolled_back(site: Site, login: Login, folder: Path) -> None:
    prefix = {"SLUICEGATE_TOPIC_PREFIX": site.settings.topic_prefix}
    weights, policy = folder / "weights.json", folder / "policy.yaml"
    policy.write_text(yaml.safe_dump(POLICY.document()))
    actuating = await asyncio.create_subprocess_exec(
        *(SLUICEGATE, "actuate", "file", str(weights)),
        env=os.environ | login("actuator") | prefix,
        stderr=subprocess.DEVNULL,
    )
    load = asyncio.create_task(_bad_traffic(settings_of(login("producer"), site.settings.topic_prefix)))
    try:
        started = await sluicegate(login("operator") | prefix, "rollout", "start", str(policy), "--by", "ann")
        assert (started.code, started.errors) == (0, "")
        async with asyncio.timeout(60):
            while (listed := await _phase(login("reader") | prefix)) != "rolled_back":
                assert listed in ("baking", "held")
                await asyncio.sleep(0.5)
            while not weights.exists() or _weights(weights) != {"stable": 100, "canary": 0}:
                await asyncio.sleep(0.2)
    finally:
        load.cancel()
        actuating.terminate()
    assert await asyncio.wait_for(actuating.wait(), 30) == 0


def _weights(file: Path) -> dict[str, float]:
    """What an actuator wrote that it was to do."""
    weights: dict[str, float] = json.loads(file.read_text())["checkout-v2"]["weights"]
    return weights


async def _phase(variables: dict[str, str]) -> str:
    """How the one rollout stands, as a reader sees it."""
    done = await sluicegate(variables, "rollout", "list", "--json")
    assert (done.code, done.errors) == (0, "")
    phase: str = json.loads(done.output)[0]["phase"]
    return phase


async def _bad_traffic(settings: KafkaSettings) -> None:
    """What a producer of events sends as it happens: half of the canary's requests fail."""
    async with clients.producer(settings) as producer:
        await producer.send(settings.topics.events, b"{")
        while True:
            now = int(time.time() * 1000)  # noqa: TID251
            for number, event in enumerate(traffic(now, 1, rps=100, bad=0.5)):
                value = json.dumps(event | {"ts": now}).encode()
                await producer.send(settings.topics.events, value, partition=number % 3)
            await asyncio.sleep(0.2)


def _is_one_line(done: Done, words: str) -> None:
    assert (done.code, done.output) == (1, "")
    assert words in done.errors
    assert done.errors.startswith("sluicegate: Kafka at ")
    assert done.errors.count("\n") == 1, done.errors
    assert "hidden-" not in done.errors
