"""Which addresses only this machine reaches, and which ones a secret may be sent to."""

import pytest

from connectors.addresses import is_loopback, secret_address_fault

NOT_HTTPS = "must begin with https://, since a secret is sent there (http:// is for loopback only)"
HAS_USER = "must not contain a user or password: there are settings for them"
UNFIT = "is not a web address that a secret can be sent to"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.255.255.254", "::1"])
def test_loopback(host: str) -> None:
    """The name, and every address of the two networks."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "10.0.0.1", "gate.example", "localhost.example"])  # noqa: S104
def test_what_others_reach(host: str) -> None:
    """A wildcard listens for everybody, and a name may resolve to anything."""
    assert not is_loopback(host)


@pytest.mark.parametrize(
    "url", ["https://login.example", "https://login.example:8443/a?b=c", "http://localhost:8080/token", "http://[::1]/"]
)
def test_a_secret_may_be_sent(url: str) -> None:
    """Over TLS, or within this machine."""
    assert secret_address_fault(url) is None


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://login.example/token", NOT_HTTPS),
        ("ftp://localhost/token", NOT_HTTPS),
        ("//login.example", NOT_HTTPS),
        ("https://ann@login.example", HAS_USER),
        ("https://ann:hidden@login.example", HAS_USER),
        ("https://", UNFIT),
        ("https:/login.example", UNFIT),
        ("https://login.example/#part", UNFIT),
        ("https://login.example/a b", UNFIT),
        ("https://login.example:port", "is not a web address"),
        ("https://[::1", "is not a web address"),
    ],
)
def test_a_secret_may_not_be_sent(url: str, fault: str) -> None:
    """Each with its reason, which does not quote the address, as that may have a secret in it."""
    assert secret_address_fault(url) == fault
