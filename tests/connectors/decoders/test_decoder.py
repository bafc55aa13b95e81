"""The interface of decoders: one method is enough, the others make it faster."""

from __future__ import annotations

from connectors.decoders.decoded import MAX_BYTES, Decoded, Fault
from connectors.decoders.decoder import Decoder


class RefusingDecoder(Decoder):
    """Decodes nothing."""

    def decode(self, value: bytes | None, *, max_bytes: int = MAX_BYTES) -> Decoded:
        """See `Decoder`."""
        return Decoded([], [Fault("oversized", f"more than {max_bytes} bytes", value or b"", 0)])


def test_the_fast_methods_leave_all_to_decode() -> None:
    """Their None means that the caller has to use `decode`, for good values, bad ones and no value."""
    decoder = RefusingDecoder()
    for value in (b"{}", b"", None):
        assert decoder.decode_valid(value, max_bytes=1) is None
        assert decoder.decode_run([value, value], max_bytes=1) is None
    assert decoder.decode(b"{}").faults[0].detail == f"more than {MAX_BYTES} bytes"
