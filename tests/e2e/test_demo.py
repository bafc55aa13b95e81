"""`sluicegate demo` as a user runs it: real processes, real HTTP, and nothing left behind."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from streams.demo.embedded_broker import port_is_free
from streams.demo.scenario import SCENARIOS

COMMAND = [sys.executable, "-c", "from streams.cli.main import main; main()", "demo", "--fast", "--plain"]
PATIENCE_S = 120.0
OTHERS = [name for name in SCENARIOS if name != "error-spike"]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a demo to its end."""
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=PATIENCE_S)


@contextmanager
def running(until: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Give a demo that has printed a line with `until` in it, and what it printed so far."""
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        assert demo.stdout is not None
        printed = ""
        try:
            for line in demo.stdout:
                printed += line
                if until in line:
                    break
            yield demo, printed
        finally:
            demo.kill()


def ports(printed: str) -> set[str]:
    """Give the ports that the opening names: those of broker, worker, upstreams and router."""
    found = set(re.findall(r"127\.0\.0\.1:(\d+)", printed))
    assert len(found) == 5, printed
    return found


def left_behind(printed: str) -> list[str]:
    """Give the processes whose command line names one of the demo's ports: every one of the demo's children does."""
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout
    named = re.compile("|".join(rf"\b{port}\b" for port in ports(printed)))
    return [line for line in listed.splitlines() if named.search(line.split(maxsplit=1)[1])]


def assert_nothing_left(printed: str, patience_s: float = 0.0) -> None:
    """Assert that no process is left and every port is free, now or within `patience_s` seconds."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline and left_behind(printed):
        time.sleep(0.05)
    assert left_behind(printed) == []
    assert [port for port in ports(printed) if not port_is_free(int(port))] == []


def test_a_failing_canary_is_rolled_back() -> None:
    """The default scenario: exit 0, the decisions in order with their reasons, and how long it took."""
    ended = run()
    assert ended.returncode == 0, ended.stdout + ended.stderr
    closing = ended.stdout.partition("Decisions and reasons")[2]
    decisions = re.findall(r"Z +(start|advance|hold|resume|rollback|promote)", closing)
    assert [word for word in decisions if word not in ("hold", "resume")] == ["start", "advance", "rollback"]
    assert re.search(r"(?s)errors: canary .* above the limit|e-value .* rolls back at 100", closing)
    first, decided, zero = (float(seconds) for seconds in re.findall(r"([\d.]+) s  ", closing))
    assert 0.0 == first < decided <= zero
    assert "as expected" in closing
    assert_nothing_left(ended.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_every_scenario_keeps_its_promise(name: str) -> None:
    """Exit 0 means that what the scenario promises happened."""
    ended = run("--scenario", name)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert SCENARIOS[name].story in ended.stdout
    assert_nothing_left(ended.stdout)


@pytest.mark.parametrize(
    ("moment", "sent", "code"), [("metrics", signal.SIGINT, 130), ("stage 1 of 4", signal.SIGTERM, 143)]
)
def test_it_ends_on_a_signal(moment: str, sent: signal.Signals, code: int) -> None:
    """Ctrl-C while it sets up, SIGTERM while it runs: it ends all its processes within seconds."""
    with running(until=moment) as (demo, printed):
        demo.send_signal(sent)
        rest, _ = demo.communicate(timeout=PATIENCE_S)
        assert demo.returncode == code
        assert "Traceback" not in rest
    assert_nothing_left(printed)


def test_nothing_outlives_a_demo_that_was_killed() -> None:
    """SIGKILL leaves no time to clean up; its processes end by themselves."""
    with running(until="stage 1 of 4") as (demo, printed):
        assert len(left_behind(printed)) >= 6
        demo.kill()
        demo.wait(PATIENCE_S)
    assert_nothing_left(printed, patience_s=PATIENCE_S)


def test_a_dead_process_ends_the_demo_with_its_log() -> None:
    """When one of its processes dies, the demo names it, ends the others and exits with 1."""
    with running(until="stage 1 of 4") as (demo, printed):
        (router,) = [line for line in left_behind(printed) if "demo.router" in line and "/bin/sh" not in line]
        os.kill(int(router.split()[0]), signal.SIGKILL)
        rest, _ = demo.communicate(timeout=PATIENCE_S)
        assert demo.returncode == 1
        assert "sluicegate: the router ended with exit code -9" in rest
        assert "Traceback" not in rest
    assert_nothing_left(printed)


@pytest.mark.parametrize("words", [["--scenario", "nonsense"], ["--rps", "0"]])
def test_wrong_words_are_refused(words: list[str]) -> None:
    """An unknown scenario or a load of zero: exit 2 with one message, and nothing is started."""
    ended = run(*words)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
