"""Faults of a document: bounded in number, and with examples as they are written in a file."""

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from gates.documents.faults import MOST_FAULTS, faults_in_words
from gates.policy import Policy, PolicyError
from tests.gates.policy.test_model_faults import APART
from tests.gates.policy_documents import checkout, faults_of


@given(unknown=st.integers(MOST_FAULTS - 3, 5 * MOST_FAULTS), changes=st.integers(0, len(APART)))
def test_faults_without_end_are_counted(unknown: int, changes: int) -> None:
    """However many there are: the first are listed, and the others are counted."""
    document = checkout()
    for change in APART[:changes]:
        change(document)
    with pytest.raises(PolicyError) as caught:
        Policy.parse(document | {f"unknown{number}": 0 for number in range(unknown)})
    assert len(caught.value.faults) == min(MOST_FAULTS, unknown + changes)
    assert len(caught.value.faults) + caught.value.more == unknown + changes
    assert str(caught.value).endswith(f"\nand {caught.value.more} more") == (caught.value.more > 0)


def test_a_near_word_is_sought_for_listed_faults_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a while: fifty thousand unknown keys kept the sequencer busy for seconds."""
    sought: list[str] = []

    def seek(key: str, *_: object, **__: object) -> list[str]:
        sought.append(key)
        return []

    monkeypatch.setattr(difflib, "get_close_matches", seek)
    faults_of(checkout() | {f"unknown{number}": 0 for number in range(10 * MOST_FAULTS)})
    assert len(sought) == MOST_FAULTS


def test_examples_in_messages_are_written_as_in_a_file() -> None:
    """Lists and mappings are shown in the flow style of YAML."""
    document = checkout()
    del document["cohorts"], document["stages"]
    faults = faults_of(document)
    assert faults["cohorts"].endswith("`cohorts: {baseline: stable, candidate: canary}`")
    assert faults["stages"].endswith("`stages: [{name: canary, weight: 1%, bake: 5m}]`")


class Count(BaseModel):
    """A model with a type that no policy has, so without a message of its own."""

    many: int


def test_a_fault_of_an_unexpected_kind_has_the_words_of_pydantic() -> None:
    """After what was written, so that a new type in a model never leaves a fault without a message."""
    with pytest.raises(ValidationError) as caught:
        Count.model_validate({"many": "few"})
    (fault,) = faults_in_words(caught.value, {"": Count})
    assert fault.path == "many"
    assert fault.message.endswith(
        "cannot be used here: input should be a valid integer, unable to parse string as an integer"
    )
