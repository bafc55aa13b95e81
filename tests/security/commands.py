"""Running commands, and settings, by variables."""

import asyncio
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from connectors.kafka.clients import KafkaSettings
from tests.pipeline.harness import SLUICEGATE


@dataclass(frozen=True)
class Done:
    """What a command printed and how it exited."""

    code: int
    output: str
    errors: str


async def sluicegate(variables: Mapping[str, str], *arguments: str) -> Done:
    """Run a command with these variables."""
    running = await asyncio.create_subprocess_exec(
        *(SLUICEGATE, *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | variables | {"COLUMNS": "200"},
    )
    output, errors = await asyncio.wait_for(running.communicate(), 60)
    assert running.returncode is not None
    return Done(running.returncode, output.decode(), errors.decode())


def settings_of(variables: Mapping[str, str], prefix: str) -> KafkaSettings:
    """Give the settings that these variables would make."""
    given = {name.removeprefix("SLUICEGATE_").lower(): value for name, value in variables.items()}
    return KafkaSettings.model_validate(given | {"topic_prefix": prefix})
