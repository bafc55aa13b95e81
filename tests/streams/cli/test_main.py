"""`sluicegate`: quick help, every command in its table, errors in one line, Ctrl-C."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import streams.cli
from streams import __version__
from streams.cli.main import COMMANDS, sluicegate

SLUICEGATE = str(Path(sys.executable).with_name("sluicegate"))
HEAVY = ("faust", "aiokafka", "numpy", "pydantic", "rich", "msgspec", "asyncio")
CLOSED_PORT = "127.0.0.1:1"

LIGHT_HELP = f"""
import json, sys
sys.argv = ["sluicegate", "--help"]
from streams.cli.main import main
try:
    main()
except SystemExit as end:
    print(json.dumps([end.code, [m for m in {HEAVY} if m in sys.modules]]))
"""


def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does."""
    known = {"SLUICEGATE_BOOTSTRAP": CLOSED_PORT, "SLUICEGATE_TOPIC_PREFIX": ""}
    return subprocess.run([SLUICEGATE, *words], capture_output=True, text=True, env=os.environ | known | variables)


def test_help_is_light() -> None:
    """The help needs none of the libraries that are slow to import; `make bench` measures how soon it appears."""
    done = subprocess.run([sys.executable, "-c", LIGHT_HELP], capture_output=True, text=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [0, []]


def test_help_lists_every_command() -> None:
    """The help has each command with its line."""
    text = " ".join(CliRunner().invoke(sluicegate, ["--help"]).output.split())
    for name, words in COMMANDS.items():
        assert f"{name} {words}" in text


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "demo"])
def test_commands_load(name: str) -> None:
    """Each name in the table has its command, with help of its own."""
    command = sluicegate.get_command(click.Context(sluicegate), name)
    assert command is not None
    result = CliRunner().invoke(sluicegate, [name, "--help"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 5


def test_version() -> None:
    """`--version` prints it."""
    assert run("--version").stdout == f"sluicegate, version {__version__}\n"


def test_an_unknown_command_is_wrong_use() -> None:
    """An unknown command exits with 2."""
    done = run("rollouts")
    assert done.returncode == 2
    assert "No such command 'rollouts'" in done.stderr


@pytest.mark.parametrize(
    "words",
    [("topics", "list"), ("topics", "ensure"), ("rollout", "list"), ("rollout", "pause", "x"), ("replay", "--journal")],
)
def test_an_unreachable_broker_is_one_line(words: tuple[str, ...]) -> None:
    """Where there is no Kafka, one line has the address and what to do, and the exit code is 1."""
    done = run(*words)
    hint = "start one (docker compose up) or set SLUICEGATE_BOOTSTRAP"
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"sluicegate: cannot reach Kafka at {CLOSED_PORT}: {hint}\n"


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"SLUICEGATE_WEB_PORT": "abc"}, "SLUICEGATE_WEB_PORT: Input should be a valid integer"),
        ({"SLUICEGATE_ROLES": "ingest"}, "SLUICEGATE_ROLES: is not a JSON list"),
        ({"SLUICEGATE_TOPIC_PREFIX": "a b"}, "SLUICEGATE_TOPIC_PREFIX: 'a b': write letters"),
    ],
)
def test_a_bad_variable_is_wrong_use(variables: dict[str, str], line: str) -> None:
    """An invalid variable is named in one line, and the exit code is 2."""
    done = run("settings", **variables)
    assert done.returncode == 2
    assert done.stderr.startswith(f"sluicegate: {line}")
    assert done.stderr.count("\n") == 1


def test_ctrl_c_is_quiet() -> None:
    """Ctrl-C exits with 130 without a message."""
    running = subprocess.Popen(
        [SLUICEGATE, "events", "check", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A suite that a shell started in the background inherits an ignored SIGINT, and would hand it on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - no lock is held
    )
    assert running.stdin is not None
    assert running.stdout is not None
    running.stdin.write(b"{\n" * 20_000)
    running.stdin.flush()
    assert running.stdout.readline()  # it is at work
    running.send_signal(signal.SIGINT)
    output, errors = running.communicate(timeout=20)
    assert (running.returncode, errors.strip()) == (130, b""), output[-200:]


TOY = """
import click

@click.command("toy-echo")
@click.argument("text")
def toy_echo(text: str) -> None:
    \"\"\"Print TEXT.\"\"\"
    click.echo(text)
"""


def test_a_command_is_one_file_and_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module in streams/cli and its line in COMMANDS are all that a new command needs."""
    (tmp_path / "toy_echo.py").write_text(TOY)
    monkeypatch.setattr(streams.cli, "__path__", [*streams.cli.__path__, str(tmp_path)])
    monkeypatch.setitem(COMMANDS, "toy-echo", "Print a text.")
    assert "toy-echo" in CliRunner().invoke(sluicegate, ["--help"]).output
    assert CliRunner().invoke(sluicegate, ["toy-echo", "hello"]).output == "hello\n"
    monkeypatch.delitem(sys.modules, "streams.cli.toy_echo")


@pytest.mark.parametrize(("words", "code"), [(("worker",), 0), (("topics", "list"), 143)])
def test_sigterm_ends_process_1_during_its_start(words: tuple[str, ...], code: int) -> None:
    """As number 1 of a container, where the kernel ignores SIGTERM like here, it does not wait for a silent Kafka."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        running = subprocess.Popen(
            [SLUICEGATE, *words],
            stderr=subprocess.PIPE,
            env=os.environ | {"SLUICEGATE_BOOTSTRAP": f"127.0.0.1:{silent.getsockname()[1]}"},
            preexec_fn=lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),  # noqa: PLW1509 - no lock is held
        )
        connection, _ = silent.accept()
        running.send_signal(signal.SIGTERM)
        assert (running.wait(timeout=60), running.communicate()[1]) == (code, b"")
        connection.close()
