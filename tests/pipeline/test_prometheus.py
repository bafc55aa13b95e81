"""A real Prometheus scrapes a real worker, and every panel of the dashboard finds what it asks for."""

import asyncio
import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from gates.policy import Policy
from streams.demo.embedded_broker import free_port
from tests.paths import ROOT
from tests.pipeline.harness import POLICY, Site, traffic

DASHBOARD = ROOT / "deploy/grafana/dashboards/sluicegate.json"
EMPTY_WHILE_ALL_IS_WELL = {"Dead letters by reason", "Time to rollback (p50, p95)"}


class Prometheus:
    """A Prometheus process of the test's own that scrapes one target each second."""

    def __init__(self, folder: Path, target: str, **options: Any) -> None:
        self.port = free_port()
        config = folder / "prometheus.yml"
        scrape = {"job_name": "sluicegate", "static_configs": [{"targets": [target]}]} | options
        config.write_text(json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": [scrape]}))
        self._process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What an expression gives now."""
        asked = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/query?{asked}", timeout=5) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
            return found

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(20)


def need_prometheus() -> None:
    """Skip the test where there is none, or fail it where CI promises one."""
    if shutil.which("prometheus") is None:
        missing = "no prometheus on the PATH (Debian's package prometheus has it)"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)


@pytest.fixture
async def site(embedded_broker: str) -> AsyncIterator[Site]:
    """An installation of the test's own with one worker and steady traffic."""
    async with Site(embedded_broker, f"p{uuid.uuid4().hex[:8]}.") as site:
        await site.worker().ready()
        one_stage = {"stages": [{"name": "canary", "weight": "20%", "bake": "1h"}]}  # whose weights stay as they are
        await site.start(Policy.parse(POLICY.document() | one_stage))
        yield site


@pytest.fixture
def prometheus(site: Site, tmp_path: Path) -> Iterator[Prometheus]:
    """A Prometheus that scrapes the site's worker."""
    need_prometheus()
    running = Prometheus(tmp_path, f"127.0.0.1:{site.workers[0].port}")
    yield running
    running.stop()


async def _traffic(site: Site) -> None:
    while True:
        now = int(time.time() * 1000)  # noqa: TID251
        await site.send([event | {"ts": now} for event in traffic(now, 1, rps=100, bad=0.02)])
        await asyncio.sleep(0.2)


async def test_every_panel_finds_its_figures(site: Site, prometheus: Prometheus) -> None:
    """Each expression of the Grafana dashboard is one that Prometheus takes and that the worker has samples for."""
    load = asyncio.create_task(_traffic(site))
    async with site.following(site.topics.decisions) as decisions:
        await site.acknowledge(await anext(decisions))
    panels = json.loads(DASHBOARD.read_text())["panels"]
    asked = {
        (panel["title"], target["expr"].replace("$__rate_interval", "5s").replace("$rollout", ".*"))
        for panel in panels
        for target in panel["targets"]
    }
    found: dict[str, int] = {}
    async with asyncio.timeout(60):
        while {title for title, _ in asked} - EMPTY_WHILE_ALL_IS_WELL - found.keys():
            await asyncio.sleep(0.5)
            for title, expression in asked:
                if await asyncio.to_thread(_result, prometheus, expression):
                    found[title] = 1
    load.cancel()
    weights = prometheus.query('sluicegate_cohort_weight_percent{rollout="checkout-v2"}')
    assert {(w["metric"]["cohort"], w["value"][1]) for w in weights} == {("stable", "80"), ("canary", "20")}


def _result(prometheus: Prometheus, expression: str) -> list[dict[str, Any]]:
    try:
        return prometheus.query(expression)
    except ConnectionError:
        return []  # it is still starting
    except urllib.error.HTTPError as refused:
        raise AssertionError(f"{expression}: {refused.read().decode()}") from refused
    except urllib.error.URLError:
        return []
