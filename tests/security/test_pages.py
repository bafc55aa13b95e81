"""The worker's pages: ours and no others, and who may see them."""

import asyncio
import importlib
import re
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from click.testing import CliRunner
from faust.web import base

from streams.cli.main import sluicegate
from streams.runtime.settings import Settings
from streams.worker.app import build
from streams.worker.web import PATHS
from tests.paths import ROOT
from tests.pipeline.harness import Site
from tests.pipeline.test_prometheus import Prometheus, need_prometheus

Client = TestClient[web.Request, web.Application]

DEPLOY = ROOT / "deploy/prometheus.yml"
TOKEN = "t" * 43
HASH = f"sha256:{sha256(TOKEN.encode()).hexdigest()}"
BLUEPRINTS = (
    *base.DEFAULT_BLUEPRINTS,
    *base.PRODUCTION_BLUEPRINTS,
    *base.DEBUG_BLUEPRINTS,
    *base.OPTIONAL_BLUEPRINTS,
)


def fausts_paths() -> set[str]:
    """Every path that Faust's own blueprints would serve, with something in the place of each parameter."""
    found = set()
    for prefix, name in BLUEPRINTS:
        module, _, attribute = str(name).replace(".blueprint", ":blueprint").partition(":")
        for route in getattr(importlib.import_module(module), attribute).routes:
            found.add(re.sub(r"{[^}]*}", "x", prefix.rstrip("/") + "/" + route.uri.lstrip("/")))
    return found


async def pages(**fields: object) -> AsyncIterator[Client]:
    """Serve the pages of a worker without its loops."""
    app = build(Settings.model_validate({"roles": ("ingest",), **fields}))
    app.finalize()
    app.web.init_server()
    async with TestClient(TestServer(cast("Any", app.web).web_app)) as client:
        yield client


@pytest.fixture
async def open_pages() -> AsyncIterator[Client]:
    """Give pages without a token."""
    async for client in pages():
        yield client


@pytest.fixture
async def closed_pages() -> AsyncIterator[Client]:
    """Give pages with a token, and a second one that takes over."""
    async for client in pages(web_token_hash=f"sha256:{'0' * 64}, {HASH}"):
        yield client


async def test_what_is_not_ours_is_not_served(open_pages: Client) -> None:
    """Faust's index, tables, router, statistics, graph and metrics are all 404, and so is anything else."""
    paths = fausts_paths()
    assert {"/", "/graph/", "/router/", "/table/", "/assignment/"} <= {f"{path.rstrip('/')}/" for path in paths}
    for path in (
        *paths,
        *(path.rstrip("/") for path in paths if path != "/"),
        "/stats",
        "/static/x",
        "/metrics/",
        "/x",
    ):
        for method in ("GET", "POST", "OPTIONS"):
            async with open_pages.request(method, path) as answer:
                assert answer.status == 404, (method, path)
    for path in PATHS:
        async with open_pages.get(path) as answer:
            assert answer.status in (200, 503)
        async with open_pages.post(path) as answer:
            assert answer.status == 405


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN}x",
        f"Bearer {HASH}",
        "Bearer \xff",
    ],
)
async def test_without_the_token_there_is_health_only(closed_pages: Client, header: str | None) -> None:
    """Every other path, whether it exists or not, is 401 with an empty body."""
    headers = {} if header is None else {"Authorization": header}
    for path in ("/metrics", "/", "/x"):
        async with closed_pages.get(path, headers=headers) as answer:
            assert (answer.status, await answer.text()) == (401, "")
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    for path in ("/healthz", "/readyz"):
        async with closed_pages.get(path, headers=headers) as answer:
            assert answer.status in (200, 503)


async def test_with_the_token_there_are_metrics(closed_pages: Client) -> None:
    """Either of two tokens is good while they are changed."""
    for scheme in ("Bearer", "bearer"):
        async with closed_pages.get("/metrics", headers={"Authorization": f"{scheme} {TOKEN}"}) as answer:
            assert answer.status == 200
            assert "sluicegate_events" in await answer.text()
    async with closed_pages.get("/table/", headers={"Authorization": f"Bearer {TOKEN}"}) as answer:
        assert answer.status == 404


async def test_the_token_may_be_in_a_file(tmp_path: Path) -> None:
    """One with the token itself."""
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    async for client in pages(web_token_file=str(file)):
        async with client.get("/metrics") as answer:
            assert answer.status == 401
        async with client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}) as answer:
            assert answer.status == 200


def test_a_token_and_its_hash() -> None:
    """`sluicegate token generate` prints the token alone, and what to set to the other stream."""
    made = CliRunner().invoke(sluicegate, ["token", "generate"])
    token = made.stdout.strip()
    assert len(token) == 43
    assert made.stderr == f"SLUICEGATE_WEB_TOKEN_HASH=sha256:{sha256(token.encode()).hexdigest()}\n"


async def test_prometheus_shows_the_token(embedded_broker: str, tmp_path: Path) -> None:
    """With the scrape of deploy/prometheus.yml, a worker that listens on every address is scraped."""
    need_prometheus()
    token = tmp_path / "metrics-token"
    token.write_text(TOKEN + "\n")
    [scrape] = yaml.safe_load(DEPLOY.read_text())["scrape_configs"]
    authorization = scrape["authorization"]
    assert authorization == {"credentials_file": "/secrets/metrics-token"}
    async with Site(embedded_broker, f"p{uuid.uuid4().hex[:8]}.") as site:
        worker = site.worker("sequencer", SLUICEGATE_WEB_HOST="0.0.0.0", SLUICEGATE_WEB_TOKEN_HASH=HASH)  # noqa: S104
        await worker.ready()
        with pytest.raises(urllib.error.HTTPError, match="401"):
            worker.get("/metrics")
        target = f"127.0.0.1:{worker.port}"
        prometheus = Prometheus(tmp_path, target, authorization={"credentials_file": str(token)})
        try:
            async with asyncio.timeout(30):
                while not _is_up(prometheus):
                    await asyncio.sleep(0.3)
        finally:
            prometheus.stop()


def _is_up(prometheus: Prometheus) -> bool:
    try:
        return [one["value"][1] for one in prometheus.query("up")] == ["1"]
    except OSError:
        return False
