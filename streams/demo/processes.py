"""The demo's processes: each a child that cannot outlive the demo, however the demo ends."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Final

import aiohttp

from connectors.kafka.clients import KafkaSettings
from gates.policy import Policy
from streams import topics
from streams.demo.addresses import Addresses
from streams.demo.embedded_broker import LOOPBACK, BrokerError, EmbeddedBroker, LeashedProcess, free_port, port_is_free

READY_TIMEOUT_S: Final = 60.0
GRACE_S: Final = 2.0
PARTITIONS: Final = {"events": 4, "journal": 1, "decisions": 1, "acks": 1, "dead_letters": 1}
"""Fewer than usual: everything runs on one machine."""

WORKER_SETTINGS: Final = {
    "SLUICEGATE_SESSION_TIMEOUT_MS": "1000",  # joining a group on the embedded broker takes half of it
    "SLUICEGATE_OUT_OF_ORDERNESS_MS": "500",
    "SLUICEGATE_IDLE_TIMEOUT_MS": "2000",
    "SLUICEGATE_LOG_LEVEL": "warning",
}
_WORKER: Final = ("-m", "streams.demo.worker")
_POLL_S: Final = 0.1


class DemoError(RuntimeError):
    """The demo cannot continue; the message has the end of the log of the process that failed."""


class Processes:
    """Broker, worker, two upstreams, router and load generator, from `start` to `stop`."""

    def __init__(self, policy: Policy, *, rps: float, seed: int) -> None:
        self._broker = EmbeddedBroker()
        self._policy = policy
        self._rps = rps
        self._seed = seed
        self._children: dict[str, LeashedProcess] = {}
        urls = [f"http://{LOOPBACK}:{port}" for port in _free_ports(4)]
        self.at = Addresses(self._broker.bootstrap, *urls)
        self.settings = KafkaSettings.model_validate({"bootstrap": self.at.bootstrap, "topic_prefix": ""})

    async def start(self) -> None:
        """Start all but the load generator; returns when each answers. Raises DemoError if one does not."""
        try:
            self._broker.start()
        except BrokerError as error:
            raise DemoError(str(error)) from error
        await topics.ensure(self.settings, partitions=PARTITIONS)
        cohorts, seed, at = self._policy.cohorts, str(self._seed), self.at
        self._spawn("worker", *_WORKER, "--port", _port(at.worker))
        for cohort, url in ((cohorts.baseline, at.baseline), (cohorts.candidate, at.candidate)):
            upstream = ["-m", "streams.demo.upstream", "--cohort", cohort, "--port", _port(url), "--seed", seed]
            self._spawn(f"upstream {cohort}", *upstream)
        router = ["-m", "streams.demo.router", "--port", _port(at.router), "--bootstrap", at.bootstrap, "--seed", seed]
        router += ["--rollout", self._policy.rollout, "--baseline", cohorts.baseline, "--candidate", cohorts.candidate]
        self._spawn("router", *router, "--baseline-url", at.baseline, "--candidate-url", at.candidate)
        waits = [("worker", f"{at.worker}/readyz"), ("router", f"{at.router}/-/state")]
        waits += [(f"upstream {cohorts.baseline}", f"{at.baseline}/-/ready")]
        waits += [(f"upstream {cohorts.candidate}", f"{at.candidate}/-/ready")]
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2.0)) as session:
            for name, url in waits:
                await self._answers(session, name, url)

    def start_load(self) -> None:
        """Start the load generator."""
        given = ["--url", self.at.shop, "--rps", str(self._rps), "--seed", str(self._seed)]
        self._spawn("load", "-m", "streams.demo.load", *given)

    def check(self) -> None:
        """Raise DemoError if a process has died."""
        if port_is_free(int(_port(self.at.bootstrap))):
            raise DemoError("the embedded broker died")
        for name, child in self._children.items():
            code = child.exit_code()
            if code is not None:
                raise DemoError(f"the {name} ended with exit code {code}; the end of its log:\n{child.log_tail()}")

    def tail(self, name: str) -> str:
        """The end of a child's log."""
        return self._children[name].log_tail() or "(nothing)"

    async def stop(self) -> None:
        """End all processes, within seconds. Does nothing to one that does not run."""
        children = [child for child in self._children.values() if child.exit_code() is None]
        await asyncio.gather(*(asyncio.to_thread(child.terminate, grace_s=GRACE_S) for child in children))
        for child in self._children.values():
            child.kill()
        await asyncio.to_thread(self._broker.stop)

    def _spawn(self, name: str, *arguments: str) -> None:
        kept = {variable: value for variable, value in os.environ.items() if not variable.startswith("SLUICEGATE_")}
        ours = {"SLUICEGATE_BOOTSTRAP": self.at.bootstrap, **WORKER_SETTINGS}
        # -P keeps Python from importing modules of the current folder
        self._children[name] = LeashedProcess([sys.executable, "-P", *arguments], env=kept | ours)

    async def _answers(self, session: aiohttp.ClientSession, name: str, url: str) -> None:
        """Wait until a GET of the page succeeds."""
        deadline = asyncio.get_running_loop().time() + READY_TIMEOUT_S
        while True:
            self.check()
            try:
                async with session.get(url) as answer:
                    if answer.ok:
                        return
            except (aiohttp.ClientError, TimeoutError):
                pass
            if asyncio.get_running_loop().time() > deadline:
                waited = f"the {name} was not ready after {READY_TIMEOUT_S:g} s; the end of its log:"
                raise DemoError(f"{waited}\n{self.tail(name)}")
            await asyncio.sleep(_POLL_S)


def _port(address: str) -> str:
    return address.rpartition(":")[2]


def _free_ports(number: int) -> list[int]:
    """Different ports on loopback that were free a moment ago."""
    found: set[int] = set()
    while len(found) < number:
        found.add(free_port())
    return sorted(found)
