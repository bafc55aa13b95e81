"""Dead letters as lines and as JSON values."""

from streams.dead_letters.letters import Place, read_letter
from streams.views.dead_letters import letter_document, letter_lines
from tools.topics_page import examples


def test_a_letter_has_its_origin_reason_and_value() -> None:
    """As lines and as JSON values; the redrive that was recorded last is part of it."""
    kept = examples.dead_letter()
    letter = read_letter(Place(0, 7), 1_767_225_600_000, kept.body(), [*kept.headers()])
    assert letter is not None
    lines = list(letter_lines(letter, examples.redrive()))
    assert lines[0] == "dead letter  0:7"
    assert "redriven     sent 2026-01-01T00:01:00.000Z by ann, to request-events" in lines
    assert lines[-1] == kept.value.decode()
    document = letter_document(letter, None, whole=True)
    assert (document["address"], document["redriven"], document["value"]) == ("0:7", None, kept.value.decode())
