"""Signatures: what is accepted and what is refused, with the reason."""

import copy
import json
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import msgspec
import orjson
import pytest
from hypothesis import given

from connectors.signing import keys
from connectors.signing.keys import Algorithm, generate, parse
from connectors.signing.signatures import HEADER, LONGEST_VALID_MS, Keyring, Seal, SignatureError

TOPIC, NOW = "rollout-controls", 1_767_225_600_000
ALL = frozenset(keys.ROLES)
ALGORITHMS: tuple[Algorithm, ...] = ("ed25519", "hmac")

SCALARS = (
    st.none() | st.booleans() | st.text() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, width=64)
).filter(lambda value: value not in (float("inf"), float("-inf")))
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
DOCUMENTS = st.dictionaries(st.text(), VALUES, min_size=1, max_size=5)


def ring(algorithm: Algorithm, identity: str = "one", roles: frozenset[Any] = ALL) -> Keyring:
    """A key that signs, and a keyring that has it as a trusted key."""
    signing, verifying = generate(algorithm, identity, roles)
    return Keyring(parse(signing.line(), "test")[0], {identity: parse(verifying.line(), "test")[0]})


RINGS = {algorithm: ring(algorithm) for algorithm in ALGORITHMS}
either = pytest.mark.parametrize("known", RINGS.values(), ids=RINGS)


def refused(call: Callable[[], object]) -> str:
    """The reason why it is refused."""
    with pytest.raises(SignatureError) as caught:
        call()
    return caught.value.reason


@either
@given(document=DOCUMENTS)
def test_what_is_signed_is_accepted_and_read_as_it_was(known: Keyring, document: dict[str, Any]) -> None:
    """Any document comes back as it was, however it is written: order of keys, spaces, forms of floats."""
    value = orjson.dumps(document)
    headers = known.sign(TOPIC, value, expires_at=NOW)
    assert orjson.loads(known.verify("operator", TOPIC, value, headers, NOW).value) == orjson.loads(value)
    rewritten = json.dumps(dict(reversed(orjson.loads(value).items())), indent=2).encode()
    assert orjson.loads(known.verify("operator", TOPIC, rewritten, headers, NOW).value) == orjson.loads(value)


@pytest.mark.parametrize("same", ["20.0", "2e1", "2E+1", "200e-1", "20.000"])
def test_the_form_of_a_number_does_not_matter(same: str) -> None:
    """Forms of one number sign alike."""
    seal = Seal(key="one", id=None, expires_at=None, signature=b"")
    assert seal.signed(TOPIC, orjson.loads(f'{{"b":1,"a":{same}}}')) == seal.signed(TOPIC, {"a": 20, "b": 1})


def test_the_signed_bytes_are_these() -> None:
    """Others can sign too: canonical JSON with topic, key, id and expiry, beside rollout, epoch and sequence."""
    seal = Seal(key="one", id="x", expires_at=5, signature=b"")
    document = {"sequence": 2, "rollout": "r", "epoch": 1, "weights": {"a": 12.50}}
    assert seal.signed("t", document) == (
        b'{"document":{"epoch":1,"rollout":"r","sequence":2,"weights":{"a":12.5}},'
        b'"expires_at":5,"id":"x","key":"one","schema":"sluicegate.signed/v1","topic":"t"}'
    )


@either
@given(document=DOCUMENTS, data=st.data())
def test_any_changed_field_is_refused(known: Keyring, document: dict[str, Any], data: st.DataObject) -> None:
    """A field changed, added or removed."""
    value = orjson.dumps(document)
    headers = known.sign(TOPIC, value, expires_at=NOW)
    changed = copy.deepcopy(orjson.loads(value))
    name = data.draw(st.sampled_from(sorted(changed)) | st.text())
    if name in changed and data.draw(st.booleans()):
        del changed[name]
    else:
        changed[name] = data.draw(VALUES)
    seal = Seal(key="one", id=None, expires_at=None, signature=b"")
    if seal.signed(TOPIC, changed) == seal.signed(TOPIC, orjson.loads(value)):
        return
    assert refused(lambda: known.verify("operator", TOPIC, orjson.dumps(changed), headers, NOW)) == "forged"


@either
@given(data=st.data())
def test_any_changed_byte_is_refused(known: Keyring, data: st.DataObject) -> None:
    """A byte of the canonical message or of the header."""
    value = b'{"control":"rollback","epoch":1,"rollout":"checkout-v2"}'
    [(name, header)] = known.sign(TOPIC, value, expires_at=NOW)
    inside = data.draw(st.sampled_from([value, header]))
    place, byte = data.draw(st.integers(0, len(inside) - 1)), data.draw(st.integers(0, 255))
    changed = inside[:place] + bytes([byte]) + inside[place + 1 :]
    if changed == inside:
        return
    value, header = (changed, header) if inside is value else (value, changed)
    assert refused(lambda: known.verify("operator", TOPIC, value, [(name, header)], NOW)) in {"forged", "expired"}


@either
@pytest.mark.parametrize("change", [{"key": "two"}, {"id": "other"}, {"expires_at": NOW + 1}, {"signature": b""}])
def test_the_seal_is_signed(known: Keyring, change: dict[str, Any]) -> None:
    """Key, id and expiry are inside the signed bytes."""
    [(name, header)] = known.sign(TOPIC, b"{}", expires_at=NOW)
    changed = msgspec.json.encode(msgspec.structs.replace(msgspec.json.decode(header, type=Seal), **change))
    assert refused(lambda: known.verify("operator", TOPIC, b"{}", [(name, changed)], NOW)) == "forged"


@either
def test_each_reason(known: Keyring) -> None:
    """Unsigned, on another topic, of another role, expired, endless, too long, malformed, signed by a stranger."""
    value = b'{"control":"pause"}'
    good = known.sign(TOPIC, value, expires_at=NOW)

    def reason(headers: list[tuple[str, bytes]], value: bytes = value, topic: str = TOPIC, now: int = NOW) -> str:
        return refused(lambda: known.verify("operator", topic, value, headers, now))

    assert reason([]) == "unsigned"
    assert reason(good, topic="rollout-policies") == "forged"
    assert reason(good, now=NOW + 1) == "expired"
    assert reason(known.sign(TOPIC, value)) == "forged"
    assert reason(known.sign(TOPIC, value, expires_at=NOW + LONGEST_VALID_MS + 1)) == "forged"
    assert reason([(HEADER, b"{")]) == reason([(HEADER, b"\xff")]) == "forged"
    assert reason(ring("ed25519").sign(TOPIC, value, expires_at=NOW)) == "forged"
    assert reason(good, value=b"[" * 2_000 + b"]" * 2_000) == reason(good, value=b"{") == "forged"


@either
def test_of_two_fields_of_a_name_the_one_that_was_verified_is_read(known: Keyring) -> None:
    """Parsers may differ over repeated names; what is read was verified."""
    headers = known.sign(TOPIC, b'{"control":"pause"}', expires_at=NOW)
    doubled = b'{"control":"rollback","control":"pause"}'
    assert known.verify("operator", TOPIC, doubled, headers, NOW).value == b'{"control":"pause"}'


def test_a_key_is_accepted_for_its_roles_only() -> None:
    """An actuator's key orders nothing."""
    known = ring("ed25519", roles=frozenset({"actuator"}))
    headers = known.sign(TOPIC, b"{}", expires_at=NOW)
    known.verify("actuator", TOPIC, b"{}", headers, NOW)
    assert refused(lambda: known.verify("operator", TOPIC, b"{}", headers, NOW)) == "forged"


@either
def test_the_gates_signatures_repeat(known: Keyring) -> None:
    """Decisions are signed alike each time, orders never."""
    assert known.sign(TOPIC, b'{"a":1}') == known.sign(TOPIC, b'{"a": 1.0}')
    assert known.sign(TOPIC, b"{}", expires_at=NOW) != known.sign(TOPIC, b"{}", expires_at=NOW)


def test_rotation() -> None:
    """Both keys are accepted while both are there; the one that was removed is not."""
    old, new = ring("ed25519", "old"), ring("ed25519", "new")
    by_old, by_new = (each.sign(TOPIC, b"{}", expires_at=NOW) for each in (old, new))
    both = Keyring(new.signing, {**old.trusted, **new.trusted})
    for headers in (by_old, by_new):
        both.verify("operator", TOPIC, b"{}", headers, NOW)
    after = Keyring(new.signing, new.trusted)
    after.verify("operator", TOPIC, b"{}", by_new, NOW)
    assert refused(lambda: after.verify("operator", TOPIC, b"{}", by_old, NOW)) == "forged"


def test_hmacs_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The standard library compares, and gets the whole of both."""
    known, seen = ring("hmac"), list[tuple[bytes, bytes]]()
    headers = known.sign(TOPIC, b"{}", expires_at=NOW)

    def compare(one: bytes, two: bytes) -> bool:
        seen.append((one, two))
        return False

    monkeypatch.setattr("hmac.compare_digest", compare)
    assert refused(lambda: known.verify("operator", TOPIC, b"{}", headers, NOW)) == "forged"
    assert [(len(one), len(two)) for one, two in seen] == [(32, 32)]


def test_without_keys_all_is_accepted_with_a_warning() -> None:
    """Without keys all works as before; half a protection causes a warning too."""
    none, whole = Keyring(), ring("hmac")
    assert none.verify("operator", TOPIC, b"anything", None, NOW) == (b"anything", None)
    assert none.sign(TOPIC, b"anything") == []
    assert "neither signed nor verified" in (none.warning or "")
    assert "not verified here" in (Keyring(whole.signing).warning or "")
    assert "nothing is signed" in (Keyring(None, whole.trusted).warning or "")
    assert whole.warning is None
