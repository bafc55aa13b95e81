"""Where the demo's processes listen."""

from streams.demo.addresses import Addresses


def test_pages_are_below_their_process() -> None:
    """The worker's metrics, and the shop behind the router."""
    at = Addresses("127.0.0.1:1", *(f"http://127.0.0.1:{port}" for port in range(2, 6)))
    assert at.metrics == "http://127.0.0.1:2/metrics"
    assert at.shop == "http://127.0.0.1:5/checkout"
