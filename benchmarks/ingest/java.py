"""The peers in Java: their jars from Maven, in the folder where the tests keep Kafka's, and their compiled classes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.brokers import DEPENDENCY_PLUGIN, KafkaUnavailableError, find_java

SOURCES = Path(__file__).parent / "peers" / "java"
SHARED = ("Task", "Event", "Cell")
FRAMEWORKS = {"streams": (*SHARED, "Passes", "StreamsDsl", "StreamsProcessor"), "flink": (*SHARED, "FlinkCells")}
"""The classes to compile for each; NAME.xml lists the jars."""

_OPTIONS = ["-Xms768m", "-Xmx768m"]
_DOWNLOAD_TIMEOUT_S = 600.0


class JavaUnavailableError(Exception):
    """The peers in Java cannot be run on this machine; the message names what is missing."""


def command(framework: str, main: str, classes: Path) -> list[str]:
    """The command that runs a class, compiled into a folder of `classes`; raises JavaUnavailableError."""
    try:
        java = find_java()
    except KafkaUnavailableError as error:
        raise JavaUnavailableError(str(error)) from error
    jars = fetched(framework)
    folder = classes / framework
    if not folder.is_dir():
        _compile(Path(java).with_name("javac"), framework, f"{jars}/*", folder)
    return [java, *_OPTIONS, "-cp", f"{jars}/*{os.pathsep}{folder}", main]


def _compile(javac: Path, framework: str, jars: str, folder: Path) -> None:
    if not javac.exists():
        raise JavaUnavailableError(f"no Java compiler found beside {javac.with_name('java')}: that takes a JDK")
    sources = [str(SOURCES / f"{name}.java") for name in FRAMEWORKS[framework]]
    run = subprocess.run(  # noqa: S603
        [javac, "-nowarn", "-d", folder, "-cp", jars, *sources], capture_output=True, text=True, check=False
    )
    if run.returncode:
        raise JavaUnavailableError(f"javac refused {framework}:\n{run.stderr}")


def fetched(framework: str) -> Path:
    """The folder with a framework's jars, in the user's cache; Maven fills it the first time."""
    pom = SOURCES / f"{framework}.xml"
    version = hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    jars = cache / "sluicegate" / f"bench-{framework}-{version}"
    if jars.is_dir():
        return jars
    maven = shutil.which("mvn")
    if maven is None:
        raise JavaUnavailableError(f"{framework} is not in {jars} and no Maven was found to fetch it")
    jars.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=jars.parent, prefix="bench-") as partial:
        goal = [f"{DEPENDENCY_PLUGIN}:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={partial}/jars"]
        run = subprocess.run(  # noqa: S603
            [maven, "-q", "-B", "-f", pom, *goal],
            capture_output=True,
            text=True,
            timeout=_DOWNLOAD_TIMEOUT_S,
            check=False,
        )
        if run.returncode:
            raise JavaUnavailableError(f"Maven could not fetch {framework}:\n{run.stdout}{run.stderr}")
        with contextlib.suppress(OSError):  # another run was faster, and its folder is the same
            (Path(partial) / "jars").rename(jars)
    return jars


def versions() -> dict[str, str]:
    """The versions that the peers in Java are built with.

    >>> sorted(versions())
    ['flink-connector-kafka', 'flink-streaming-java', 'kafka-streams']
    """
    named = re.compile(r"<artifactId>([\w-]+)</artifactId><version>([\w.-]+)</version>")
    found = dict(pair for name in FRAMEWORKS for pair in named.findall((SOURCES / f"{name}.xml").read_text()))
    return {name: found[name] for name in ("kafka-streams", "flink-streaming-java", "flink-connector-kafka")}
