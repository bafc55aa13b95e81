"""The brokers that tests run against: the embedded one, and a real Apache Kafka 4 found or made on this machine.

A real Kafka is looked for in this order: the address in SLUICEGATE_TEST_KAFKA; a Docker engine; Java 17 with Maven.
One that you bring yourself needs group.min.session.timeout.ms=1000 and group.initial.rebalance.delay.ms=0.
"""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

import pytest

from streams.demo.embedded_broker import (
    LOOPBACK,
    BrokerError,
    LeashedProcess,
    answers_kafka,
    free_port,
    wait_until_ready,
)

KAFKA_VERSION = "4.4.0"
KAFKA_IMAGE = "apache/kafka:4.1.0"  # as in docker-compose.yml
LOG4J_VERSION = "2.25.5"  # as Kafka's own dependencies have it; the binding is what makes its log appear at all
DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
ADDRESS_VARIABLE = "SLUICEGATE_TEST_KAFKA"

# For consumers in groups, in milliseconds: a join of the embedded broker's takes half the session timeout (at least one
# second), and more after the last member has left; a dead member is noticed after the whole of it.
FAST_GROUP = {"session_timeout_ms": 1000, "heartbeat_interval_ms": 100}

_READY_TIMEOUT_S = 60.0
_DOWNLOAD_TIMEOUT_S = 600.0
_CLUSTER_ID = "c2x1aWNlZ2F0ZS10ZXN0cw"  # any base64 of 16 bytes
_JVM = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]  # a start of two seconds and a small footprint

_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>sluicegate</groupId><artifactId>test-kafka</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId>
      <version>{LOG4J_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""

_LOG4J = """status=error
rootLogger.level=WARN
rootLogger.appenderRef.console.ref=CONSOLE
appender.console.type=Console
appender.console.name=CONSOLE
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d %p %m (%c)%n
"""


class KafkaUnavailableError(Exception):
    """No Apache Kafka is available on this machine; the message lists what was tried."""


class MavenKafka:
    """One Apache Kafka 4 node (KRaft, combined mode) on loopback, from the Maven artifact, with this machine's Java.

    The data folder and the ports last from construction to `close`, so it can be stopped or killed and started again:

        with MavenKafka() as kafka:
            kafka.kill()       # as a machine that lost its power, but for the page cache
            kafka.restart()    # same address, same data

    Clients without credentials use `bootstrap`. `listeners` adds others, each a name and its security protocol, at
    `addresses[name]`; `advertised` has the address of a proxy that clients shall go to instead. `properties` are
    Kafka's settings for them, and `format_words` go to the storage tool.

    One node of several has `node` as its id, and the addresses of all controllers by id in `quorum`: see
    tests/cluster/nodes.py.
    """

    def __init__(
        self,
        *,
        listeners: Mapping[str, str] | None = None,
        advertised: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        format_words: Sequence[str] = (),
        node: int = 1,
        quorum: Mapping[int, str] | None = None,
    ) -> None:
        self.port = free_port()
        self.bootstrap = f"{LOOPBACK}:{self.port}"
        self._java = find_java()
        self._jars = fetch_jars()
        self._home = Path(tempfile.mkdtemp(prefix="sluicegate-kafka-"))
        self._config = self._home / "server.properties"
        controllers = quorum or {node: f"{LOOPBACK}:{free_port()}"}
        settings = kraft_properties(listener=self.bootstrap, advertised=self.bootstrap, controller=controllers[node])
        settings["node.id"] = str(node)
        settings["controller.quorum.voters"] = ",".join(f"{each}@{address}" for each, address in controllers.items())
        settings["log.dirs"] = (self._home / "data").as_posix()
        self.addresses = {name: f"{LOOPBACK}:{free_port()}" for name in listeners or {}}
        reached_at = self.addresses | dict(advertised or {})
        for name, protocol in (listeners or {}).items():
            settings["listeners"] += f",{name}://{self.addresses[name]}"
            settings["advertised.listeners"] += f",{name}://{reached_at[name]}"
            settings["listener.security.protocol.map"] += f",{name}:{protocol}"
        settings |= properties or {}
        self._format_words = format_words
        self._config.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        self._child: LeashedProcess | None = None

    def start(self) -> Self:
        """Start the node, formatting its storage the first time; returns once it answers. Raises BrokerError."""
        if self._child is not None:
            raise BrokerError(f"Kafka on {self.bootstrap} is already started")
        if not (self._home / "data").exists():
            self._format()
        self._child = LeashedProcess(self._command("kafka.Kafka", str(self._config)))
        try:
            wait_until_ready(self._child, LOOPBACK, self.port, timeout_s=_READY_TIMEOUT_S)
        except BaseException:
            self.kill()
            raise
        return self

    def move(self, address: str, new: str) -> None:
        """Listen at (for a proxied listener: advertise) another loopback address from the next start on."""
        self._config.write_text(self._config.read_text().replace(address, new))
        self.addresses = {name: new if one == address else one for name, one in self.addresses.items()}
        if address == self.bootstrap:
            self.bootstrap, self.port = new, int(new.rpartition(":")[2])

    def stop(self) -> None:
        """End the node in good order; the data stays."""
        if self._child is not None:
            self._child.terminate(grace_s=30.0)
            self._child = None

    def kill(self) -> None:
        """End the node with SIGKILL, at once; the data stays as it is."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def folder_of(self, topic: str, partition: int) -> Path:
        """The folder with a partition's log."""
        return self._home / "data" / f"{topic}-{partition}"

    @property
    def pid(self) -> int:
        """Its process, which must be running."""
        assert self._child is not None
        return self._child.pid

    def died(self, timeout_s: float = _READY_TIMEOUT_S) -> None:
        """Wait until the node has ended by itself. Raises TimeoutError."""
        assert self._child is not None
        self._child.wait(timeout_s=timeout_s)
        self.kill()

    @property
    def running(self) -> bool:
        """Whether it was started, and not stopped or killed since."""
        return self._child is not None

    def restart(self) -> Self:
        """Start again on the same data and address, stopping in good order first if it runs."""
        self.stop()
        return self.start()

    def close(self) -> None:
        """Kill the node and remove its data."""
        self.kill()
        shutil.rmtree(self._home, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _format(self) -> None:
        words = ["format", "--cluster-id", _CLUSTER_ID, "--config", str(self._config), *self._format_words]
        run = subprocess.run(self._command("kafka.tools.StorageTool", *words), capture_output=True, text=True)
        if run.returncode:
            raise BrokerError(f"formatting Kafka's storage failed:\n{run.stdout}{run.stderr}")

    def _command(self, main_class: str, *words: str) -> list[str]:
        log4j = f"-Dlog4j2.configurationFile={(self._jars / 'log4j2.properties').as_uri()}"
        return [self._java, *_JVM, log4j, "-cp", str(self._jars / "*"), main_class, *words]


def kraft_properties(*, listener: str, advertised: str, controller: str) -> dict[str, str]:
    """Give the settings of a single node that is broker and controller, listening on the host:port addresses given."""
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{listener},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{advertised}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        "broker.session.timeout.ms": "2000",  # after a SIGKILL the restarted node waits this long for its own ghost
        "broker.heartbeat.interval.ms": "500",
        "group.min.session.timeout.ms": "1000",  # for FAST_GROUP; Kafka's own default is 6000
        "offsets.topic.num.partitions": "4",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
    }


def find_java() -> str:
    """Give the path of a Java 17 or later, from JAVA_HOME or PATH; raises KafkaUnavailableError."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java")
    if java is None:
        raise KafkaUnavailableError("no Java found")
    output = subprocess.run([java, "-version"], capture_output=True, text=True).stderr
    version = re.search(r'version "(\d+)', output)
    if version is None or int(version[1]) < 17:
        raise KafkaUnavailableError(f"Kafka 4 needs Java 17 or later, found: {output.strip() or 'nothing'}")
    return java


def fetch_jars() -> Path:
    """Give the folder with Kafka and all it needs to run, kept in the user's cache; Maven fills it the first time.

    Raises KafkaUnavailableError when the folder is not there and Maven is not either, or fails.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    jars = cache / "sluicegate" / f"kafka-{KAFKA_VERSION}"
    if jars.is_dir():
        return jars
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaUnavailableError(f"Kafka {KAFKA_VERSION} is not in {jars} and no Maven was found to fetch it")
    jars.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=jars.parent, prefix="kafka-") as partial:
        _run_maven(maven, Path(partial))
        # Complete or absent: a rename onto a folder that another run made meanwhile fails, and that one serves as well.
        with contextlib.suppress(OSError):
            (Path(partial) / "jars").rename(jars)
    return jars


def _run_maven(maven: str, folder: Path) -> None:
    pom = folder / "pom.xml"
    pom.write_text(_POM)
    goal = [f"{DEPENDENCY_PLUGIN}:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder / 'jars'}"]
    try:
        run = subprocess.run(
            [maven, "-q", "-B", "-f", str(pom), *goal], capture_output=True, text=True, timeout=_DOWNLOAD_TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise KafkaUnavailableError(f"Maven took longer than {_DOWNLOAD_TIMEOUT_S} s") from error
    if run.returncode:
        raise KafkaUnavailableError(f"Maven could not fetch Kafka {KAFKA_VERSION}:\n{run.stdout}{run.stderr}")
    (folder / "jars" / "log4j2.properties").write_text(_LOG4J)


def skip_or_fail(missing: KafkaUnavailableError) -> NoReturn:
    """Skip the test for want of a Kafka, or fail it where CI promises one (CI is set, to anything but false)."""
    reason = f"no Apache Kafka: {missing}"
    if os.environ.get("CI", "").lower() in ("", "0", "false"):
        pytest.skip(reason)
    pytest.fail(reason, pytrace=False)


@contextlib.contextmanager
def real_kafka() -> Iterator[str]:
    """Give the bootstrap address of a real Kafka for as long as the block runs.

    Raises KafkaUnavailableError when this machine has none, BrokerError when the one it has does not answer.
    """
    address = os.environ.get(ADDRESS_VARIABLE)
    if address:
        host, _, port = address.split(",")[0].rpartition(":")
        if not answers_kafka(host, int(port), timeout_s=10.0):
            raise BrokerError(f"no Kafka answers at {ADDRESS_VARIABLE}={address}")  # asked for, so never a skip
        yield address
    elif docker_answers():
        with container_kafka() as bootstrap:
            yield bootstrap
    else:
        with MavenKafka() as kafka:
            yield kafka.bootstrap


def docker_answers() -> bool:
    """Whether a Docker engine answers; asked through its client, since a client alone is often installed."""
    docker = shutil.which("docker")
    if docker is None:
        return False
    try:
        return subprocess.run([docker, "info"], capture_output=True, timeout=10.0).returncode == 0
    except subprocess.TimeoutExpired:
        return False


@contextlib.contextmanager
def container_kafka() -> Iterator[str]:
    """Give the bootstrap address of Kafka in a container.

    Not by testcontainers' KafkaContainer: it writes start scripts that exist in Confluent's images only.
    """
    from testcontainers.core.container import DockerContainer

    port = free_port()  # chosen before it starts, since a broker must know the address it advertises
    container = DockerContainer(KAFKA_IMAGE).with_bind_ports(9092, port)
    host = container.get_container_host_ip()
    settings = kraft_properties(listener="0.0.0.0:9092", advertised=f"{host}:{port}", controller="localhost:9093")
    with container.with_envs(**as_environment(settings)):
        deadline = time.monotonic() + _READY_TIMEOUT_S
        while not answers_kafka(host, port):
            if time.monotonic() > deadline:
                raise BrokerError(f"the Kafka container does not answer on {host}:{port}")
            time.sleep(0.2)
        yield f"{host}:{port}"


def as_environment(properties: Mapping[str, str]) -> dict[str, str]:
    """Spell Kafka's settings as the variables that its container image reads.

    >>> as_environment({"node.id": "1"})
    {'KAFKA_NODE_ID': '1'}
    """
    return {"KAFKA_" + key.upper().replace(".", "_"): value for key, value in properties.items()}
