"""A format more is a file with a decoder and a line in the registry: all that reads events then accepts it."""

from __future__ import annotations

import msgspec
import pytest

from connectors.decoders import MAX_BYTES, Decoded, Fault, RequestEvent
from connectors.decoders.decoder import Decoder
from connectors.decoders.native import NativeDecoder
from connectors.decoders.registry import DECODERS, NATIVE, decoder
from streams.cells import SourcePartition
from streams.ingest.chunks import Chunker, SourceRecord
from streams.offline.event_lines import EventLines
from streams.offline.replay import Replay
from tests.pipeline.harness import POLICY

T0 = 1_767_225_600_000


class ToyDecoder(Decoder):
    """Decodes lines such as `1767225600000 checkout-v2 canary 200 12.5`."""

    def decode(self, value: bytes | None, *, max_bytes: int = MAX_BYTES) -> Decoded:
        """See `Decoder`."""
        try:
            ts, rollout, cohort, status, latency = (value or b"").decode().split()
            event = RequestEvent(
                ts_ms=int(ts), rollout=rollout, cohort=cohort, status=int(status), latency_ms=float(latency)
            )
        except ValueError as error:
            return Decoded([], [Fault("wrong_field", str(error), value or b"", 0)])
        return Decoded([event], [])


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Decoder:
    """The toy decoder, registered."""
    monkeypatch.setitem(DECODERS, "toy", ToyDecoder())
    return decoder("toy")


def toy_lines() -> list[bytes]:
    """Return ten seconds of traffic as the toy format writes it, and a line that is not in it."""
    requests = [f"{T0 + number * 100} checkout-v2 {('stable', 'canary')[number % 2]} 200 5" for number in range(100)]
    return [b"oops", *(request.encode() for request in requests)]


def test_native_is_the_default() -> None:
    """A topic has the native format unless something else is configured."""
    assert decoder() is decoder(NATIVE)
    assert isinstance(decoder(), NativeDecoder)


def test_an_unknown_format_is_refused() -> None:
    """The error lists what there is."""
    with pytest.raises(ValueError, match="there is no decoder 'avro'; use one of: native"):
        decoder("avro")


def test_a_decoder_needs_one_method(toy: Decoder) -> None:
    """The fast ways are optional: they then leave every message to `decode`."""
    value = toy_lines()[1]
    assert toy.decode_valid(value) is None
    assert toy.decode_run([value]) is None
    assert toy.decode(value).events[0].cohort == "stable"


def test_replay_accepts_it(toy: Decoder) -> None:
    """A replay of the same events is the same in the toy's format and in the native one."""
    of_toy, of_native = Replay(POLICY, source=EventLines(toy)), Replay(POLICY)
    native_lines = [b"oops", *(msgspec.json.encode(toy.decode(line).events[0]) for line in toy_lines()[1:])]
    assert list(of_toy.run(toy_lines())) == list(of_native.run(native_lines))
    assert (
        (of_toy.source.events, of_toy.source.faults.total())
        == (of_native.source.events, of_native.source.faults.total())
        == (100, 1)
    )


def test_chunks_accept_its_events(toy: Decoder) -> None:
    """The events are cut into chunks, and count."""
    chunker = Chunker(SourcePartition("e", 0))
    chunker.count_records(SourceRecord(offset, T0, toy.decode(line).counted) for offset, line in enumerate(toy_lines()))
    (partial,) = chunker.flush().partials
    assert partial.upto == 101
    assert sum(record.cell().requests for record in partial.cells) == 100
