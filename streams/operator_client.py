"""The operators' side of the topics: see where rollouts stand, give an order, hear what became of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Self, TypeVar

import orjson
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from connectors.kafka.acl import Needs, require
from connectors.kafka.clients import LARGEST_MESSAGE, KafkaSettings, producer
from connectors.kafka.topic_reader import partitions_of, reader, to_end
from connectors.signing.keys import keyring
from gates.decisions import DECISION_SCHEMA, Action
from gates.gate import STATUS_SCHEMA
from gates.machine.transitions import ENDED, Phase
from gates.policy import Policy
from streams.clock import wall_ms
from streams.journal import Control, ControlWord, Start, encode

log = logging.getLogger(__name__)

T = TypeVar("T")
Document = Mapping[str, Any]

MOST_DECISIONS = 1_000
"""So many of a rollout's decisions are kept, the latest."""

_POLL_S = 0.2


class OrderError(RuntimeError):
    """An order that was not carried out; the message says why, in words for the operator."""


class UnknownRolloutError(OrderError):
    """No rollout of this name was ever started."""


class RunningAlreadyError(OrderError):
    """The rollout runs by the very policy that it is to be started with."""


class RefusedError(OrderError):
    """The gate refused the order: it makes no sense where the rollout stands."""


class UnansweredError(OrderError):
    """The order is recorded, but nothing came back in time."""


class Board:
    """What `gate-status` and `gate-decisions` say; a context that has read both to their ends once it is entered.

    `statuses` has each rollout's newest status, by name. `orders` are the topics that will be written to, so that one
    that is missing is told before anything is sent.
    """

    def __init__(self, settings: KafkaSettings, *orders: str) -> None:
        self.settings = settings
        self.statuses: dict[str, Document] = {}
        self._orders = orders
        self._decisions: dict[str, dict[str, Document]] = {}
        self._open: AsyncExitStack
        self._source: AIOKafkaConsumer[bytes, bytes]

    async def __aenter__(self) -> Self:
        """Read to the end.

        Raises:
            AccessError: the broker does not let us read them, or write the orders.
            TopicsMissingError: a topic does not exist.
            TimeoutError, aiokafka.errors.KafkaError: the broker does not answer.
        """
        names = self.settings.topics
        await require(self.settings, Needs(read=(names.status, names.decisions), write=self._orders))
        found = await partitions_of(self.settings, names.status, names.decisions, *self._orders)
        said = [one for one in found if one.topic not in self._orders]
        async with AsyncExitStack() as opened:
            reading = reader(self.settings, said, max_partition_fetch_bytes=LARGEST_MESSAGE)
            self._source = await opened.enter_async_context(reading)
            async for record in to_end(self._source):
                self._take(record)
            self._open = opened.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    def decisions(self, rollout: str) -> list[Document]:
        """The rollout's decisions, each once, oldest first."""
        return list(self._decisions.get(rollout, {}).values())

    def status(self, rollout: str) -> Document:
        """Where the rollout stands.

        Raises:
            UnknownRolloutError: nowhere; the message names those that there are.
        """
        found = self.statuses.get(rollout)
        if found is None:
            known = ", ".join(sorted(self.statuses)) or "none"
            raise UnknownRolloutError(f"no rollout {rollout}; known: {known}")
        return found

    async def update(self, timeout_s: float = _POLL_S) -> bool:
        """Take in what came, waiting for something at most so long; tells whether there was anything."""
        batches = await self._source.getmany(timeout_ms=int(timeout_s * 1000))
        for records in batches.values():
            for record in records:
                self._take(record)
        return bool(batches)

    async def until(self, look: Callable[[], T | None], timeout_s: float) -> T | None:
        """Update until `look` finds something, and give that; None if time runs out first."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while (found := look()) is None and asyncio.get_running_loop().time() < deadline:
            await self.update()
        return found

    def _take(self, record: ConsumerRecord[bytes, bytes]) -> None:
        if record.value is None:
            self.statuses.pop((record.key or b"").decode(errors="replace"), None)
            return
        try:
            document = orjson.loads(record.value)
            schema, rollout = document["schema"], str(document["rollout"])
            identity = str(document["id"]) if schema == DECISION_SCHEMA else ""
        except (ValueError, KeyError, TypeError):
            log.warning("%s %d@%d is none of ours", record.topic, record.partition, record.offset)
            return
        if schema == STATUS_SCHEMA:
            self.statuses[rollout] = document
        elif schema == DECISION_SCHEMA:
            kept = self._decisions.setdefault(rollout, {})
            kept.setdefault(identity, document)
            if len(kept) > MOST_DECISIONS:
                del kept[next(iter(kept))]


def has_ended(status: Document) -> bool:
    """Whether the rollout was promoted or rolled back."""
    return status["phase"] in ENDED


def was_promoted(status: Document) -> bool:
    """Whether the rollout was promoted."""
    return bool(status["phase"] == Phase.PROMOTED)


async def start(board: Board, policy: Policy, *, by: str, reason: str, wait_s: float | None) -> Document | None:
    """Start a rollout by its policy; gives the start decision, or None where `wait_s` is None.

    Raises:
        RunningAlreadyError: it runs by this policy.
        UnansweredError: no start decision came within `wait_s`.
    """
    rollout = policy.rollout
    status = board.statuses.get(rollout)
    epoch = 0 if status is None else status["epoch"]
    if status is not None and not has_ended(status) and status["policy_hash"] == policy.hash:
        raise RunningAlreadyError(f"{rollout} runs by this very policy (epoch {epoch}, stage {status['stage']})")
    record = Start(rollout=rollout, policy=policy.document(), by=by, reason=reason, at=wall_ms())
    await _send(board.settings, board.settings.topics.policies, record)
    if wait_s is None:
        return None

    def started() -> Document | None:
        for decision in reversed(board.decisions(rollout)):
            known = (decision["epoch"] > epoch, decision["action"], decision["policy_hash"])
            if known == (True, Action.START, policy.hash):
                return decision
        return None

    found = await board.until(started, wait_s)
    if found is None:
        raise UnansweredError(_silence("start", wait_s))
    return found


async def order(
    board: Board, rollout: str, word: ControlWord, *, by: str, reason: str, wait_s: float | None
) -> Document | None:
    """Order a rollout to pause, resume, roll back or be promoted, or approve its stage.

    Gives the decision, or None where `wait_s` is None; for an approval, which decides nothing by itself, the last one.

    Raises:
        UnknownRolloutError: there is no such rollout.
        RefusedError: the gate refused.
        UnansweredError: neither a decision nor a refusal came within `wait_s`.
    """
    status = board.status(rollout)
    epoch, before = status["epoch"], status["control"]
    seen = {decision["id"] for decision in board.decisions(rollout)}
    record = Control(rollout=rollout, control=word, by=by, reason=reason, at=wall_ms(), epoch=epoch)
    await _send(board.settings, board.settings.topics.controls, record)
    if wait_s is None:
        return None

    def answer() -> Document | RefusedError | None:
        for decision in board.decisions(rollout):
            if decision["id"] not in seen and (decision["action"], decision.get("by")) == (word, by):
                return decision
        control = board.status(rollout)["control"]
        if control is None or control == before or (control["control"], control["by"]) != (word, by):
            return None
        if not control["accepted"]:
            return RefusedError(control["reason"])
        return board.decisions(rollout)[-1] if word == "approve" else None

    found: Document | RefusedError | None = await board.until(answer, wait_s)
    if isinstance(found, RefusedError):
        raise found
    if found is None:
        raise UnansweredError(_silence(word, wait_s))
    return found


def _silence(word: str, wait_s: float) -> str:
    return (
        f"no answer to {word} within {wait_s:g} s: is a worker with the roles sequencer and judge running? "
        "The order is recorded, and takes effect when one is; one whose signature is refused is among the dead letters"
    )


async def _send(settings: KafkaSettings, topic: str, record: Start | Control) -> None:
    value = encode(record)
    headers = keyring(settings, "operator").sign(topic, value, expires_at=record.at + settings.signature_valid_ms)
    async with producer(settings, linger_ms=0) as sender:
        await sender.send_and_wait(topic, value, key=record.rollout.encode(), headers=headers)
