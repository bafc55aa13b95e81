"""The picture of a rollout: what a person sees."""

import io
from collections.abc import Mapping
from typing import Any

import pytest
from rich.console import Console, RenderableType

from gates.decisions import Decision
from streams.judge.outputs import RolloutStatus
from streams.views.rollout import rollout_view, rollouts_view
from streams.views.timeline import decision_in_words, printable, status_in_words
from tools import topics_examples


def text_of(view: RenderableType, width: int = 110) -> str:
    """Render to plain text."""
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(view)
    return console.export_text()


def words_of(view: RenderableType) -> str:
    """The rendered words, without frames and line breaks."""
    return " ".join(text_of(view).replace("│", " ").split())


@pytest.fixture(scope="module")
def status() -> Mapping[str, Any]:
    """A status while the first stage bakes."""
    return topics_examples.status()


@pytest.fixture(scope="module")
def ended() -> Mapping[str, Any]:
    """The last status, after the rollback."""
    return [one.document for one in topics_examples.outcomes() if isinstance(one, RolloutStatus)][-1]


@pytest.fixture(scope="module")
def decisions() -> list[Mapping[str, Any]]:
    """All decisions."""
    return [one.document() for one in topics_examples.outcomes() if isinstance(one, Decision)]


def test_a_baking_rollout(status: Mapping[str, Any]) -> None:
    """Stage, bake, weights, figures and what is missing are all there."""
    said = words_of(rollout_view(status, []))
    for words in (
        "checkout-v2 epoch 1 baking",
        "● canary 10% ○ full 100% (1 of 2)",
        "1s of 1m, 59s left",
        "stable 90 %, canary 10 % in force",
        "until 00:00:01Z",
        "errors INCONCLUSIVE 0 % of 20 0.56 % of 180",
        "errors: canary has 20 of 50 requests needed",
    ):
        assert words in said


def test_a_rollback(ended: Mapping[str, Any], decisions: list[Mapping[str, Any]]) -> None:
    """The end says why, and the decisions stand below, the newest last."""
    said = words_of(rollout_view(ended, decisions))
    assert "checkout-v2 epoch 1 rolled back" in said
    assert "errors FAIL 27.9 % of 140" in said
    assert "00:00:07Z rollback canary 100 / 0 errors: canary 27.9 % (39 of 140) in 10s, over the limit of 5 %" in said
    assert said.index("00:00:00Z start") < said.index("00:00:07Z rollback")


def test_now_tells_how_fresh_it_is(status: Mapping[str, Any]) -> None:
    """With the time of day the view says how long ago the last pane was; without it the view is the same each time."""
    assert "until 00:00:01Z, 4s ago" in words_of(rollout_view(status, [], now=status["event_time"] + 4_000))
    assert text_of(rollout_view(status, [])) == text_of(rollout_view(status, []))


def test_only_the_latest_decisions(status: Mapping[str, Any], decisions: list[Mapping[str, Any]]) -> None:
    """`latest` bounds the list of decisions."""
    many = [{**decisions[0], "reason": f"number {number}."} for number in range(10)]
    said = words_of(rollout_view(status, many, latest=2))
    assert "number 7." not in said
    assert "number 8." in said
    assert "number 9." in said


def test_before_the_first_status() -> None:
    """Without a status there is a picture all the same."""
    assert "waiting for the first status" in text_of(rollout_view({}, []))


def test_a_narrow_terminal(ended: Mapping[str, Any], decisions: list[Mapping[str, Any]]) -> None:
    """Nothing is wider than the terminal."""
    lines = text_of(rollout_view(ended, decisions), width=60).splitlines()
    assert max(map(len, lines)) == 60


def test_all_rollouts(status: Mapping[str, Any], ended: Mapping[str, Any]) -> None:
    """The list has a row for each rollout."""
    said = words_of(rollouts_view([status, ended]))
    assert "checkout-v2 baking canary (1 of 2) stable 90 %, canary 10 % 59s" in said
    assert "checkout-v2 rolled back canary (1 of 2) stable 100 %, canary 0 % -" in said


def test_markup_and_escapes_from_a_topic_are_text(status: Mapping[str, Any]) -> None:
    """What others wrote cannot steer the terminal, neither by rich's markup nor by escape sequences."""
    hostile = {**status, "reason": "[bold]hi[/bold] \x1b[2J\x07"}
    said = text_of(rollout_view(hostile, []))
    assert "[bold]hi[/bold] \ufffd[2J\ufffd" in said
    assert "\x1b" not in said
    assert printable("a\nb") == "a\ufffdb"


def test_one_line_each(ended: Mapping[str, Any], decisions: list[Mapping[str, Any]]) -> None:
    """Decisions and statuses also come as one line, for logs."""
    assert decision_in_words(decisions[-1]).startswith("00:00:07Z  rollback  canary  stable 100 %, canary 0 %  errors:")
    line = status_in_words(ended)
    assert line.startswith("00:00:07Z  rolled back  stage 1 of 2 (canary), baked 7s of 1m  stable 100 %, canary 0 %")
    assert line.endswith("errors FAIL")
