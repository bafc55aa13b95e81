"""docs/screens.md shows what the commands print. SLUICEGATE_GOLDEN_UPDATE=1 writes the screens again."""

import io
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from rich.console import Console, RenderableType

from streams.cli.confirming import unconfirmed_end
from streams.views.rollout import rollout_view, rollouts_table
from streams.views.timeline import Timeline
from streams.views.why import decision_lines
from streams.views.why_not import status_lines
from tests.paths import ROOT
from tests.streams.views import stories

PAGE = ROOT / "docs" / "screens.md"
WIDTH = 118
SCREEN = re.compile(r"<!-- screen: (?P<name>[^>]+) -->\n```text\n(?P<text>.*?)```\n", re.DOTALL)

Story = tuple[Mapping[str, Any], list[Mapping[str, Any]]]


def drawn(view: RenderableType) -> str:
    """Render as a terminal of this width shows it."""
    console = Console(width=WIDTH, record=True, file=io.StringIO())
    console.print(view)
    return "".join(f"{line.rstrip()}\n" for line in console.export_text().rstrip().splitlines())


def show(story: Story) -> str:
    """Render `sluicegate rollout show`, two seconds after the last pane."""
    status, decisions = story
    return drawn(rollout_view(status, decisions, status["event_time"] + 2_000))


def watch(story: Story) -> str:
    """Render the lines of `sluicegate rollout watch`."""
    status, decisions = story
    return "".join(f"{line}\n" for line in Timeline(decisions).new_lines(status, decisions))


def why_not(story: Story) -> str:
    """Render `sluicegate why-not`, without the figures of each check."""
    status, _ = story
    lines = status_lines(status, status["event_time"] + 2_000)
    return "".join(f"{line}\n" for line in lines[: lines.index("", 3) if "" in lines[3:] else None])


def why(story: Story) -> str:
    """Render `sluicegate why` of the last decision: its reason, and the check that decided."""
    _, decisions = story
    lines = decision_lines(decisions[-1])
    end = lines.index("", lines.index("") + 1)
    return "".join(f"{line}\n" for line in [*lines[:2], *lines[lines.index("") : end]])


def looks(story: Story) -> str:
    """Render the end of `sluicegate why-not`, with the figures of each check."""
    status, _ = story
    return "".join(f"{line}\n" for line in status_lines(status, status["event_time"])[-8:])


def late_list(story: Story) -> str:
    """Render `sluicegate rollout list` 34 s after the last judgement."""
    status, _ = story
    return drawn(rollouts_table([status], status["event_time"] + 34_000))


SCREENS: Mapping[str, Callable[[], str]] = {
    "show, an order that failed": lambda: show(stories.failed()),
    "watch, an order that failed": lambda: watch(stories.failed()),
    "watch, standard error": lambda: f"sluicegate: {unconfirmed_end(stories.given_up()[0])}\n",
    "why-not, an order that failed": lambda: why_not(stories.failed()),
    "show, one of two": lambda: show(stories.half_confirmed()),
    "watch, one of two": lambda: watch(stories.half_confirmed()),
    "why-not, one of two": lambda: why_not(stories.half_confirmed()),
    "show, unreadable": lambda: show(stories.unreadable()),
    "watch, unreadable": lambda: watch(stories.unreadable()),
    "why-not, unreadable": lambda: why_not(stories.unreadable()),
    "why, a failing candidate": lambda: why(stories.failed_in_blocks()),
    "why, lost successes": lambda: why(stories.failed_at_once()),
    "show, errors in bursts": lambda: show(stories.in_bursts()),
    "why-not, errors in bursts": lambda: looks(stories.in_bursts()),
    "list, during an outage": lambda: late_list(stories.half_confirmed()),
    "list": lambda: drawn(rollouts_table([stories.failed()[0], stories.half_confirmed()[0], stories.unreadable()[0]])),
}


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_is_what_the_command_prints(name: str) -> None:
    """Line by line, as the page has it."""
    page = PAGE.read_text("utf-8")
    if os.environ.get("SLUICEGATE_GOLDEN_UPDATE"):
        block = f"<!-- screen: {name} -->\n```text\n{SCREENS[name]()}```\n"
        page = SCREEN.sub(lambda found: block if found["name"] == name else found[0], page)
        PAGE.write_text(page, "utf-8")
    shown = {found["name"]: found["text"] for found in SCREEN.finditer(page)}
    assert shown[name] == SCREENS[name]()


def test_every_screen_of_the_page_is_tested() -> None:
    """A block without a test would go stale."""
    assert {found["name"] for found in SCREEN.finditer(PAGE.read_text("utf-8"))} == set(SCREENS)
