"""The kinds of value in a policy test."""

import pytest

from gates.verdicts import VerdictKind
from streams.offline.policy_tests.fields import VERDICT_PHRASES, CheckVerdict, one_of, read_check, read_reason


def test_a_reason_is_a_text_or_a_pattern() -> None:
    """A text is found as it is; a pattern stands between slashes."""
    text, pattern = read_reason("5.0% (limit)"), read_reason("/^over .* limit$/")
    assert text.pattern.search("is 5.0% (limit) now")
    assert not text.pattern.search("is 5x0% (limit) now")
    assert pattern.pattern.search("over the limit")
    assert (str(text), str(pattern)) == ("5.0% (limit)", "/^over .* limit$/")
    assert read_reason("//").pattern.search("a//b")


@pytest.mark.parametrize(("value", "message"), [("/(/", "is not a regular expression"), ("", ""), (5, "")])
def test_what_is_no_reason(value: object, message: str) -> None:
    """It is refused with what is wrong."""
    with pytest.raises(ValueError, match=message or None):
        read_reason(value)


def test_every_verdict_has_its_phrase() -> None:
    """Names may have any form, but no spaces."""
    assert set(VERDICT_PHRASES.values()) == set(VerdictKind)
    for phrase, kind in VERDICT_PHRASES.items():
        found = read_check(f"p95-latency {phrase}")
        assert found == CheckVerdict("p95-latency", kind, phrase)
        assert str(found) == f"p95-latency {phrase}"


@pytest.mark.parametrize("value", ["errors", "errors explodes", "", " fails", None, 5])
def test_what_is_no_check(value: object) -> None:
    """The message lists what would be right."""
    with pytest.raises(ValueError, match="write one of `NAME fails`, `NAME passes`"):
        read_check(value)


def test_one_of_the_known_names() -> None:
    """Others are refused, with the known ones."""
    assert one_of("auto", "none")("none") == "none"
    with pytest.raises(ValueError, match="is not known: write one of auto, none"):
        one_of("auto", "none")("all")
