"""Readers: values at their bounds, and what is refused with what to write instead."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gates.documents import readers

Reader = Callable[[object], object]


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (readers.identifier(4), "a.-_", "a.-_"),
        (readers.printable(0, 3), "", ""),
        (readers.whole_number(1, 5), 5, 5),
        (readers.read_url, "https://wiki.example/a?b=c", "https://wiki.example/a?b=c"),
        (readers.read_positive_duration, "1ms", 1),
        (readers.read_latency_limit, "4m", 240_000),
        (readers.read_alpha, "50%", 0.5),
        (readers.read_pane, "1m", 60_000),
        (readers.read_window, "1h", 3_600_000),
        (readers.read_positive_share, "100%", 1.0),
        (readers.read_error_limit, "95%", 0.95),
        (readers.read_margin, "0%", 0.0),
        (readers.read_margin, "50%", 0.5),
        (readers.read_quantile, 0.999, 0.999),
        (readers.read_ratio, 1, 1.0),
        (readers.read_slo, "99.99%", 0.9999),
        (readers.read_number, -3, -3.0),
        (readers.read_positive_number, 0.1, 0.1),
        (readers.read_switch, True, True),
        (readers.read_dispersion, 1000, 1000.0),
    ],
)
def test_what_is_within_its_bounds_is_read(read: Reader, value: object, expected: object) -> None:
    """Bounds are included."""
    assert read(value) == expected


@pytest.mark.parametrize(
    ("read", "value", "words"),
    [
        (readers.identifier(4), "-a", "begin with a letter or digit"),
        (readers.identifier(4), "abcde", "has 5 characters; write 1 to 4"),
        (readers.printable(1, 3), 7, "is not text; put it in quotes"),
        (readers.printable(1, 3), "a\n", "line breaks or invisible characters"),
        (readers.whole_number(1, 5), True, "is not a whole number"),
        (readers.whole_number(1, 5), 2.0, "is not a whole number"),
        (readers.whole_number(1, 5), 6, "write a whole number from 1 to 5"),
        (readers.read_url, "ftp://wiki.example", "is not a web address"),
        (readers.read_url, "https://[", "is not a web address"),
        (readers.read_positive_duration, "0s", "longer than zero"),
        (readers.read_latency_limit, "5m", "can never fail: latencies are measured up to 4m"),
        (readers.read_alpha, "51%", "too large an error probability"),
        (readers.read_pane, "1500ms", "write whole seconds from 1s to 1m"),
        (readers.read_pane, "61s", "write whole seconds from 1s to 1m"),
        (readers.read_window, "61m", "write at most 1h"),
        (readers.read_positive_share, "0%", "write a share above 0%"),
        (readers.read_error_limit, "96%", "can hardly fail"),
        (readers.read_margin, "51%", "accepts almost any rate"),
        (readers.read_quantile, 1, "is not a quantile"),
        (readers.read_ratio, 0.9, "write 1 or more"),
        (readers.read_slo, "100%", "leaves no error budget"),
        (readers.read_positive_number, 0, "is not above zero"),
        (readers.read_switch, "yes", "write true or false"),
        (readers.read_dispersion, 0.5, "is not a dispersion"),
    ],
)
def test_what_is_beyond_them_is_refused(read: Reader, value: object, words: str) -> None:
    """With what is wrong, or what to write."""
    with pytest.raises(ValueError, match=words.replace("[", r"\[")):
        read(value)


def test_readable_is_the_value_or_none() -> None:
    """A rule about two keys is silent where one of them cannot be read: that is a fault of its own."""
    assert readers.readable(readers.read_window, "1m") == 60_000
    assert readers.readable(readers.read_window, "soon") is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("haproxy", "is not a list of actuators"),
        ([], "is not a list of actuators"),
        (["eu", "eu"], "names an actuator twice"),
        (
            [f"actuator-{number}" for number in range(readers.MOST_ACTUATORS + 1)],
            f"write at most {readers.MOST_ACTUATORS}",
        ),
    ],
)
def test_names_of_actuators(value: object, text: str) -> None:
    """A few, each once."""
    with pytest.raises(ValueError, match=text):
        readers.read_actuator_names(value)
    assert readers.read_actuator_names(["eu", "us"]) == ("eu", "us")
