"""Has the broker really compact the topics that are kept by key, soon instead of after ten minutes."""

import asyncio

from streams.topics.specs import TOPICS
from tests.brokers import MavenKafka
from tests.faults.times import PATIENCE
from tests.faults.topics import set_topic
from tests.faults.trial import Trial

CLEANER = {"log.cleaner.backoff.ms": "1000"}
"""The broker's own settings: it looks for something to compact each second, not every 15 s."""

SOON = {
    "segment.ms": "1000",
    "min.cleanable.dirty.ratio": "0.01",
    "max.compaction.lag.ms": "1000",
    "file.delete.delay.ms": "100",
}
COMPACTED = [spec for spec in TOPICS if spec.retention_ms is None]

_KEY = b"compacted"
_FILLING = 65_536


def size(kafka: MavenKafka, topic: str) -> int:
    """Bytes of the topic's log on the broker's disk."""
    folders = [kafka.folder_of(topic, number) for number in range(64)]
    return sum(log.stat().st_size for folder in folders if folder.is_dir() for log in folder.glob("*.log"))


async def compact(trial: Trial, kafka: MavenKafka) -> dict[str, tuple[int, int]]:
    """Compact all of these topics; their sizes before and after, in bytes.

    Starts are few, each has a key of its own, and only closed segments are compacted. So starts that cannot be read are
    written under one key: they become dead letters, and all but the last of them go.
    """
    names = {spec.short_name: spec.name(trial.site.topics) for spec in COMPACTED}
    await _malformed_start(trial, b"x" * _FILLING)
    less = {"policies": _FILLING // 2}
    before = {short: size(kafka, topic) for short, topic in names.items()}
    for short in names:
        await set_topic(trial.site, short, **SOON)
    shrunk: dict[str, tuple[int, int]] = {}
    try:
        async with asyncio.timeout(PATIENCE):
            while len(shrunk) < len(names):
                await asyncio.sleep(1)
                await _malformed_start(trial, b"x")
                for short, topic in names.items():
                    after = size(kafka, topic)
                    if short not in shrunk and after < before[short] - less.get(short, 0):
                        shrunk[short] = (before[short], after)
    finally:
        for short in names:
            await set_topic(trial.site, short)
    return shrunk


async def _malformed_start(trial: Trial, value: bytes) -> None:
    await trial.site.producer.send_and_wait(trial.site.topics.policies, value, key=_KEY)
