"""The table of access rights in docs/security.md, and putting it into force on a broker."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from aiokafka.protocol.admin import CreateAclsRequest_v1
from aiokafka.protocol.api import Request

from connectors.kafka.clients import KafkaSettings, admin
from connectors.kafka.topics import TopicNames
from streams.topics.specs import TOPICS
from tests.paths import ROOT

PAGE = ROOT / "docs/security.md"
KINDS = {"topic": 2, "group": 3, "cluster": 4}
OPERATIONS = {"Read": 3, "Write": 4, "Create": 5, "Describe": 8, "DescribeConfigs": 10}
LITERAL, ALLOW = 3, 3


@dataclass(frozen=True)
class Right:
    """One role may do one operation on one thing."""

    role: str
    kind: str
    name: str
    operation: str


def rights(prefix: str = "") -> Iterator[Right]:
    """What the page grants, under a prefix."""
    table = PAGE.read_text().split("<!-- access: begin -->")[1].split("<!-- access: end -->")[0]
    everything = ", ".join(spec.name(TopicNames()) for spec in TOPICS)
    for line in table.strip().splitlines()[2:]:
        role, kind, names, operations = (cell.strip() for cell in line.strip("|").split("|"))
        for name in (everything if names == "all" else names).split(", "):
            for operation in operations.split(", "):
                yield Right(role, kind, name if kind == "cluster" else prefix + name, operation)


class _Creation(Request[CreateAclsRequest_v1]):  # type: ignore[misc]  # aiokafka has no types
    """Many at once; aiokafka's own takes one."""

    API_KEY = 30

    def __init__(self, wanted: Iterable[Right]) -> None:
        self._wanted = wanted

    def build(self, request_struct_class: type[CreateAclsRequest_v1]) -> CreateAclsRequest_v1:
        """The request as it goes on the wire."""
        return request_struct_class(
            [
                (KINDS[one.kind], one.name, LITERAL, f"User:{one.role}", "*", OPERATIONS[one.operation], ALLOW)
                for one in self._wanted
            ]
        )


async def allow(settings: KafkaSettings, wanted: Iterable[Right]) -> None:
    """Add the rights, each role being the user of its name."""
    client = admin(settings)
    await client.start()
    try:
        answer = await client._send_request(_Creation(list(wanted)))
    finally:
        await client.close()
    assert {code for code, _ in answer.creation_responses} == {0}, answer
