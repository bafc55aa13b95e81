"""Policy files: YAML read within bounds, each fault with its line."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.policy_files import LARGEST_BYTES, FileFault, PolicyFileError, load
from gates.policy import Policy
from tests.paths import CHECKOUT_POLICY

EXAMPLE = CHECKOUT_POLICY
GOOD = """\
schema: sluicegate.policy/v1
rollout: checkout-v2
cohorts: {baseline: stable, candidate: canary}
stages:
  - {name: canary, weight: 1%, bake: 5m}
  - name: full
    weight: 100%
    bake: 30m
checks:
  errors: {sli: error_rate, ratio: 1.25, limit: 5%}
"""


def faults_of(text: str | bytes) -> tuple[FileFault, ...]:
    """Return the faults of a text; none where it is a policy."""
    try:
        policy = load(text, source="p.yaml")
    except PolicyFileError as error:
        faults = error.faults
    else:
        return () if isinstance(policy, Policy) else (FileFault(0, 0, "", "neither a policy nor a fault"),)
    assert faults
    return faults


def only_fault_of(text: str | bytes) -> FileFault:
    """Return the one fault of a text."""
    (fault,) = faults_of(text)
    return fault


def test_the_example_is_a_policy() -> None:
    """The example that newcomers read is valid, and is the policy of this test."""
    policy = load(EXAMPLE.read_bytes(), source="example")
    assert [(stage.name, stage.weight, stage.bake_ms // 60_000) for stage in policy.stages] == [
        ("canary", 0.01, 5),
        ("tenth", 0.1, 10),
        ("half", 0.5, 15),
        ("full", 1.0, 30),
    ]
    assert list(policy.checks) == ["errors", "p95"]


def test_text_and_bytes_and_comments_give_the_same_policy() -> None:
    """A file's encoding mark, line ends and comments do not change what it means."""
    plain = load(GOOD, source="p")
    assert load(GOOD.encode(), source="p") == plain
    assert load(b"\xef\xbb\xbf" + GOOD.replace("\n", "  # why\r\n").encode(), source="p").hash == plain.hash


def test_faults_carry_the_line_where_the_key_stands() -> None:
    """Each fault names the line and column of its key, or of what should have held it."""
    text = GOOD.replace("weight: 100%", "weight: 5").replace("bake: 5m}", "bakee: 5m}").replace("ratio: 1.25, ", "")
    assert [(fault.line, fault.column, fault.path) for fault in faults_of(text)] == [
        (5, 5, "stages[0].bake"),
        (5, 32, "stages[0].bakee"),
        (7, 5, "stages[1].weight"),
    ]


def test_faults_print_as_editors_expect() -> None:
    """The error reads `source:line: path: message`, a line for each fault."""
    with pytest.raises(PolicyFileError) as caught:
        load(GOOD.replace("checkout-v2", "a/b"), source="p.yaml")
    assert str(caught.value).startswith("p.yaml:2: rollout: 'a/b' is not a usable name")


def test_a_missing_key_at_the_top_is_placed_at_the_start() -> None:
    """What is missing altogether is reported at the nearest thing that is there."""
    fault = only_fault_of(GOOD.replace("rollout: checkout-v2\n", ""))
    assert (fault.line, fault.path) == (1, "rollout")


def test_duplicate_keys_are_faults() -> None:
    """A key written twice is never silently overwritten, at any depth, and other faults show beside it."""
    text = GOOD.replace("bake: 30m", "bake: 30m\n    bake: 1m") + "rollout: other\nowner: 5\n"
    assert [(fault.line, fault.path) for fault in faults_of(text)] == [
        (9, "stages[1].bake"),
        (12, "rollout"),
        (13, "owner"),
    ]
    assert "is written twice, first in line 8" in faults_of(text)[0].message


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "is empty"),
        ("# nothing\n", 1, "is empty"),
        ("a: b: c\n", 1, "a `:` stands where no key can be"),
        ("a:\n\tb: 1\n", 2, "is indented with a tab: use spaces"),
        ("a: [1, 2\n", 2, "is not valid YAML"),
        ("a: *nowhere\n", 1, "undefined alias"),
        (GOOD + "---\n" + GOOD, 11, "holds a second document"),
        ("a: 1\nb: \x07\n", 2, "holds the character '\\x07'"),
        (b"a: 1\nb: \xff\n", 2, "is not UTF-8 text"),
        ('a: "\\UFFFFFFFF"\n', 1, "is not valid YAML"),
        ("- 1\n", 1, "must be a mapping (`key: value`), not a list"),
        ("text\n", 1, "must be a mapping"),
        ("[" * 1000, 1, "is nested more than 32 levels deep"),
        ("a: &a [*a]\n", 1, "is nested more than 32 levels deep"),
        ("a: [" + "1," * 10_001 + "]", 1, "has more than 10,000 values"),
        ("#" * (LARGEST_BYTES + 1), 1, "is larger than 256 KiB"),
        ("# " + "é" * (LARGEST_BYTES // 2), 1, "is larger than 256 KiB"),
    ],
)
def test_what_cannot_be_read_as_a_whole_is_one_fault(text: str | bytes, line: int, message: str) -> None:
    """Broken, endless or empty texts give one fault, with its line."""
    fault = only_fault_of(text)
    assert (fault.line, fault.path) == (line, "")
    assert message in fault.message


def test_alias_bombs_are_refused_at_once() -> None:
    """Aliases count as often as they are used, so nine lines cannot unfold to a billion values."""
    bomb = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n"
    for level in range(1, 10):
        bomb += f"a{level}: &a{level} [{','.join([f'*a{level - 1}'] * 10)}]\n"
    began = time.perf_counter()
    assert "aliases counted as often as they are used" in only_fault_of(bomb).message
    assert time.perf_counter() - began < 5


def test_small_aliases_are_fine() -> None:
    """An anchor may be used again within the bounds."""
    text = GOOD.replace("bake: 5m", "bake: &long 5m").replace("bake: 30m", "bake: *long")
    assert [stage.bake_ms for stage in load(text, source="p").stages] == [300_000, 300_000]


@pytest.mark.parametrize(
    ("line", "path", "message"),
    [
        ("owner: !!python/object/apply:os.getcwd []", "owner", "cannot be read as 'python/object/apply:os.getcwd'"),
        ("owner: !secret x", "owner", "cannot be read as '!secret'"),
        ("owner: !!int x", "owner", "cannot be read as 'int'"),
        ("owner: !!bool maybe", "owner", "cannot be read as 'bool'"),
        ("owner: 2026-13-45", "owner", "cannot be read as 'timestamp'"),
        ("owner: 2026-01-01", "owner", "2026-01-01 is not text"),
        ("owner: yes", "owner", "true is not text; put it in quotes"),
        ("owner:", "owner", "nothing is not text"),
        ("min_requests: .inf", "min_requests", "inf is not a whole number"),
        ("min_completeness: .nan", "min_completeness", "nan is not a share"),
        ("labels: !!set {a, b}", "labels", "cannot be read as 'set'"),
        ("labels: {on: x}", "labels", "has a key that is not text"),
        ("labels: {? [a] : x}", "labels", "has a key that is not text"),
        ("labels: {<<: {a: b}}", "labels", "merge keys (`<<`) are not read"),
        ("labels: {'a b': 5}", "labels['a b']", "5 is not text"),
    ],
)
def test_values_that_yaml_reads_otherwise_are_named(line: str, path: str, message: str) -> None:
    """Tags build nothing, and words that YAML takes for something else are faults, once and in their line."""
    fault = only_fault_of(GOOD + line + "\n")
    assert (fault.line, fault.path) == (11, path)
    assert message in fault.message


YAMLISH = st.text(st.sampled_from("ab:1-[]{}&*!|>'\"#%@`?,~<= \n\t\\."), max_size=40)


@given(YAMLISH, st.integers(0, len(GOOD)))
def test_no_text_raises_anything_but_faults(garbage: str, position: int) -> None:
    """Whatever is written into a file, load returns a policy or raises PolicyFileError with places in the text."""
    for text in (garbage, GOOD[:position] + garbage + GOOD[position:]):
        faults = faults_of(text)
        assert all(1 <= fault.line <= text.count("\n") + 1 and fault.column >= 1 for fault in faults)
        assert all(fault.message.isprintable() for fault in faults)


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_but_faults(content: bytes) -> None:
    """Bytes of any kind are answered with faults."""
    assert faults_of(content)
