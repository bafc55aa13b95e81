"""Words that several views share."""

import pytest

from gates.text import estimate
from streams.views.wording import printable, similar


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "1s"),
        (119.0, "119s"),
        (121.0, "2m"),
        (3_700.0, "1h"),
        (130_000.0, "36h"),
        (172_801.0, "2d"),
        (9e6, "over 100d"),
    ],
)
def test_an_estimate_has_one_unit(seconds: float, text: str) -> None:
    """Seconds up to two minutes, minutes up to an hour, hours up to two days, then days."""
    assert estimate(seconds) == text


def test_control_characters_are_made_visible() -> None:
    """Line breaks as well: each text stays on its line."""
    assert printable("a\nb\x1b[2J") == "a\ufffdb\ufffd[2J"


def test_similar_names_are_printable() -> None:
    """Names come from topics, too."""
    assert similar("serch", ["cart", "search\x07"]) == "search\ufffd"
