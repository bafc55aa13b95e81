"""The view of a rollout in a terminal."""

import io
from collections.abc import Mapping
from typing import Any

import pytest
from rich.console import Console, RenderableType

from gates.decisions import Decision
from streams.judge.outputs import RolloutStatus
from streams.views.rollout import rollout_view, rollouts_table
from tools.topics_page import examples


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
    return examples.status()


@pytest.fixture(scope="module")
def ended() -> Mapping[str, Any]:
    """The last status, after the rollback."""
    return [one.document for one in examples.outcomes() if isinstance(one, RolloutStatus)][-1]


@pytest.fixture(scope="module")
def decisions() -> list[Mapping[str, Any]]:
    """All decisions."""
    return [one.document() for one in examples.outcomes() if isinstance(one, Decision)]


def test_a_baking_rollout(status: Mapping[str, Any]) -> None:
    """Stage, bake, weights, figures and what is missing are all there."""
    text = words_of(rollout_view(status, []))
    for words in (
        "checkout-v2 epoch 1 baking",
        "● canary 10% ○ full 100% (1 of 2)",
        "1s of 1m, 59s left",
        "stable 90%, canary 10% confirmed",
        "until 00:00:01Z",
        "errors INCONCLUSIVE 0% (20 req) 0.56% (180 req)",
        str(status["checks"][0]["reason"]),
    ):
        assert words in text


def test_a_rollback(ended: Mapping[str, Any], decisions: list[Mapping[str, Any]]) -> None:
    """The end has its reason, and the decisions stand below, the newest last."""
    text = words_of(rollout_view(ended, decisions))
    assert "checkout-v2 epoch 1 rolled back" in text
    assert "errors FAIL 27.9% (140 req)" in text
    assert f"00:00:07Z rollback canary 100 / 0 {decisions[-1]['reason']}" in text
    assert text.index("00:00:00Z start") < text.index("00:00:07Z rollback")


def test_now_shows_how_fresh_it_is(status: Mapping[str, Any]) -> None:
    """With the time of day the view has the age of the last pane; without it the view is the same each time."""
    assert "until 00:00:01Z, 4s ago" in words_of(rollout_view(status, [], now=status["event_time"] + 4_000))
    assert text_of(rollout_view(status, [])) == text_of(rollout_view(status, []))


def test_only_the_latest_decisions(status: Mapping[str, Any], decisions: list[Mapping[str, Any]]) -> None:
    """`latest` bounds the list of decisions."""
    many = [{**decisions[0], "reason": f"number {number}."} for number in range(10)]
    text = words_of(rollout_view(status, many, latest=2))
    assert "number 7." not in text
    assert "number 8." in text
    assert "number 9." in text


def test_before_the_first_status() -> None:
    """Without a status there is a picture all the same."""
    assert "waiting for the first status" in text_of(rollout_view({}, []))


def test_a_narrow_terminal(ended: Mapping[str, Any], decisions: list[Mapping[str, Any]]) -> None:
    """Nothing is wider than the terminal."""
    lines = text_of(rollout_view(ended, decisions), width=60).splitlines()
    assert max(map(len, lines)) == 60


def test_all_rollouts(status: Mapping[str, Any], ended: Mapping[str, Any]) -> None:
    """The list has a row for each rollout."""
    text = words_of(rollouts_table([status, ended]))
    assert "checkout-v2 baking canary (1 of 2) stable 90%, canary 10% 59s" in text
    assert "checkout-v2 rolled back canary (1 of 2) stable 100%, canary 0% -" in text


def test_markup_and_escapes_from_a_topic_are_text(status: Mapping[str, Any]) -> None:
    """What others wrote cannot steer the terminal, neither by rich's markup nor by escape sequences."""
    hostile = {**status, "reason": "[bold]hi[/bold] \x1b[2J\x07"}
    text = text_of(rollout_view(hostile, []))
    assert "[bold]hi[/bold] \ufffd[2J\ufffd" in text
    assert "\x1b" not in text


def test_a_freeze_is_shown(status: Mapping[str, Any]) -> None:
    """In the picture with who, until when and why; in the list beside the phase."""
    frozen = {**status, "freeze": {"by": "ann", "reason": "peak sales", "label": None, "until": 1_767_225_660_000}}
    text = "freeze rollouts are frozen by ann until 2026-01-01 00:01:00Z (reason: peak sales)"
    assert text in words_of(rollout_view(frozen, []))
    assert "freeze" not in words_of(rollout_view(status, []))
    assert "baking, frozen" in text_of(rollouts_table([frozen]), 160)
