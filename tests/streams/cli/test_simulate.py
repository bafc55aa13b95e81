"""`sluicegate simulate`."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streams.cli import simulate as command
from streams.cli.simulate import simulate
from streams.offline.simulation.named import SCENARIOS

EXAMPLE = str(Path(__file__).parents[3] / "examples/policies/checkout-v2.yaml")
QUICK = ("--runs", "3", "--duration", "15s", "--rps", "50")


def run(*words: str) -> Result:
    """Run the command on the example policy."""
    return CliRunner().invoke(simulate, ["--policy", EXAMPLE, *words])


def test_figures_come_as_a_table() -> None:
    """A row per scenario, each figure with its interval."""
    result = run("--scenario", "healthy", "--scenario", "candidate-down", *QUICK, "--seed", "3")
    assert result.exit_code == 0, result.output
    heading, healthy, down = result.stdout.splitlines()
    assert heading.split("  ")[0] == "scenario"
    assert "0% (0% to 56.1%)" in healthy
    assert "3 baking" in healthy
    assert "-" in down  # 15 seconds do not reach minute 6: the candidate is fine


def test_json_has_the_same_figures(tmp_path: Path) -> None:
    """One document; a scenario from a file; the same on two processes."""
    file = tmp_path / "down.yaml"
    file.write_text("changes:\n  - {at: 5s, down: true}\n")
    words = ("--scenario", str(file), "--runs", "2", "--duration", "60s", "--seed", "5", "--json")
    alone, both = run(*words), run(*words, "--jobs", "2")
    assert alone.exit_code == 0, alone.output
    assert alone.stdout == both.stdout
    document = json.loads(alone.stdout)
    assert document["seed"] == 5
    figures = document["scenarios"][str(file)]
    assert figures["detected"]["count"] == figures["ends"]["rolled_back"] == 2
    assert 0 < figures["delay_median_s"]["value"] <= 30
    assert figures["delay_median_s"]["interval"] is None


def test_rules_of_before(tmp_path: Path) -> None:
    """They judge on request; others than there are, are refused."""
    file = tmp_path / "spike.yaml"
    file.write_text("changes:\n  - {at: 30s, candidate: {error_rate: 20%}}\n")
    words = ("--scenario", str(file), "--runs", "1", "--duration", "60s", "--json")
    before, now = (json.loads(run(*words, *more).stdout)["scenarios"][str(file)] for more in (("--rules", "2"), ()))
    assert before["delay_median_s"]["value"] < now["delay_median_s"]["value"]
    assert run(*words, "--rules", "99").exit_code == 2


def test_the_named_scenarios_are_listed() -> None:
    """Each with whether the candidate is fine, and what happens; no policy is needed."""
    result = CliRunner().invoke(simulate, ["--list"])
    assert result.exit_code == 0
    lines = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert lines.keys() == SCENARIOS.keys()
    assert lines["error-x2"].startswith("bad")
    assert lines["shared-cause"].startswith("fine")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "neither a named scenario (see --list) nor a file"),
        ("rps: [", "is not YAML"),
        ("changes: [{at: 1}]", "changes[0].at: 1 has no unit"),
        ("\a", "is not YAML"),
        ("\udcff", "is not YAML"),
    ],
)
def test_a_scenario_that_cannot_be_read_is_wrong_use(tmp_path: Path, text: str | None, words: str) -> None:
    """One line with the file's name, and exit code 2."""
    file = tmp_path / "scenario.yaml"
    if text is not None:
        file.write_bytes(text.encode(errors="surrogateescape"))
    result = run("--scenario", str(file), *QUICK)
    assert result.exit_code == 2
    assert f"{file}: {words}" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "words", [(), ("--scenario", "healthy", "--runs", "0"), ("--scenario", "healthy", "--duration", "5")]
)
def test_options_that_cannot_be_are_refused(words: tuple[str, ...]) -> None:
    """A scenario and at least one run are needed; durations have units."""
    assert run(*words).exit_code == 2


def test_the_report_holds_all_it_needs(tmp_path: Path) -> None:
    """One file with the table, the plots and their script; nothing is loaded from elsewhere."""
    scenario = tmp_path / "<i>bad.yaml"
    scenario.write_text("changes: [{at: 5s, down: true}]")
    file = tmp_path / "report.html"
    result = run("--scenario", "healthy", "--scenario", str(scenario), *QUICK, "--html", str(file))
    assert result.exit_code == 0, result.output
    text = file.read_text()
    assert "<h1>checkout-v2: simulated rollouts</h1>" in text
    assert "<td>0% (0% to 56.1%)</td>" in text
    assert text.count("Plotly.newPlot(") - text.count("Plotly.newPlot()") >= 4
    assert "<i>bad" not in text
    script, body = text.split("</script></head>")
    for loading in (" src=", "<link", "<img", "@import"):
        assert loading not in body + script.split("<script>")[0]


def test_a_report_without_plotly_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is simulated, in one line, with exit code 2."""
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    result = run("--scenario", "healthy", "--html", "report.html")
    assert result.exit_code == 2
    assert result.stderr == "sluicegate: --html needs plotly: pip install 'sluicegate[report]'\n"


def test_a_report_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """The figures are printed all the same."""
    result = run("--scenario", "healthy", *QUICK, "--html", str(tmp_path / "nowhere" / "report.html"))
    assert result.exit_code == 2
    assert "cannot be written: No such file or directory" in result.stderr
    assert "3 baking" in result.stdout


def _children(pid: int) -> list[str]:
    """The processes that this one has started."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    return [child for child, parent in map(str.split, listed.splitlines()) if parent == str(pid)]


def test_ctrl_c_is_quiet() -> None:
    """It exits with 130 without a message, and leaves no process behind."""
    sluicegate = str(Path(sys.executable).with_name("sluicegate"))
    words = [
        "simulate",
        "--duration",
        "2m",
        "--policy",
        EXAMPLE,
        "--scenario",
        "healthy",
        "--runs",
        "5000",
        "--jobs",
        "2",
    ]
    running = subprocess.Popen(
        [sluicegate, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        while len(_children(running.pid)) < 2:  # so it is at work
            assert running.poll() is None
            time.sleep(0.1)
        running.send_signal(signal.SIGINT)
        output, errors = running.communicate(timeout=60)  # ends when the last that holds the pipes has ended
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
    assert (running.returncode, output, errors.strip()) == (130, b"", b"")
