"""The fuzz targets on a few inputs each, in the fast suite: valid ones, bent ones, and any bytes.

`make fuzz` runs the same for longer, and where atheris is installed guided by coverage.
"""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors import policy_files
from connectors.actuators import wanted
from connectors.decoders.native import NativeDecoder
from connectors.signing.keys import parse
from connectors.signing.signatures import HEADER
from streams import journal
from streams.audit import chain
from tests.fuzz import targets

EXAMPLES = int(os.environ.get("SLUICEGATE_FUZZ_EXAMPLES", "60"))
SAMPLES = targets.samples()
each = pytest.mark.parametrize("name", targets.TARGETS)


@st.composite
def inputs(draw: st.DrawFn, name: str) -> bytes:
    """A valid input that was bent a few times, or any bytes."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=80))
    data = draw(st.sampled_from(SAMPLES[name]))
    for _ in range(draw(st.integers(0, 3))):
        data = targets.bent(data, lambda most: draw(st.integers(0, most)))
    return data


@each
def test_a_valid_input_keeps_every_promise(name: str) -> None:
    """And what begins nowhere does, too."""
    for data in (*SAMPLES[name], b"", b"\x00", b"[" * 100_000, b'{"schema":' * 20_000):
        targets.TARGETS[name](data)


def test_samples_are_valid() -> None:
    """A sample that is refused would test the refusal alone."""
    assert SAMPLES.keys() == targets.TARGETS.keys()
    assert not [fault for data in SAMPLES["events"][:4] for fault in NativeDecoder().decode(data).faults]
    for data in SAMPLES["journal_record"]:
        record = journal.decode(data)
        for row in record.cells if isinstance(record, journal.Partial) else ():
            row.cell()
    for data in SAMPLES["policy_text"]:
        policy_files.load(data, source="sample")
    for data in SAMPLES["decision"]:
        wanted.decode(data)
    assert [len(parse(data, "sample")) for data in SAMPLES["key_file"]] == [1, 2]
    assert chain.Head().follow(chain.decode(SAMPLES["audit_entry"][0]), b"") is not None
    headers = [(HEADER, SAMPLES["signature"][0])]
    assert targets.RING.verify("operator", targets.TOPIC, targets.BODY, headers, targets.NOW).seal is not None


@each
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_the_bytes_promises_are_kept(name: str, data: st.DataObject) -> None:
    """Bent, or made up."""
    targets.TARGETS[name](data.draw(inputs(name), label=name))
