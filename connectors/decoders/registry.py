"""The one list of decoders. A new format is a file with its decoder, and one line here."""

from __future__ import annotations

from typing import Final

from connectors.decoders.decoder import Decoder
from connectors.decoders.native import NativeDecoder

NATIVE: Final = "native"

DECODERS: Final[dict[str, Decoder]] = {
    NATIVE: NativeDecoder(),
}
"""Every decoder, by the name of its format."""


def decoder(name: str = NATIVE) -> Decoder:
    """The decoder of a format.

    Raises:
        ValueError: there is no decoder of this name; the message lists those that there are.
    """
    found = DECODERS.get(name)
    if found is None:
        raise ValueError(f"there is no decoder {name!r}; use one of: {', '.join(sorted(DECODERS))}")
    return found
