"""`sluicegate token generate`: a token, and the setting that accepts it."""

from hashlib import sha256

from click.testing import CliRunner

from streams.cli.token import token
from streams.runtime.settings import Settings
from streams.runtime.web_settings import SHORTEST_TOKEN


def test_the_worker_accepts_what_it_prints() -> None:
    """The token alone is on standard output; its hash is a setting that is valid as printed."""
    done = CliRunner().invoke(token, ["generate"])
    new = done.stdout.removesuffix("\n")
    name, _, value = done.stderr.removesuffix("\n").partition("=")
    assert done.exit_code == 0
    assert len(new) >= SHORTEST_TOKEN
    assert name == "SLUICEGATE_WEB_TOKEN_HASH"
    assert Settings(web_host="0.0.0.0", web_token_hash=value).web_token_digests == (sha256(new.encode()).digest(),)  # noqa: S104
    assert new not in done.stderr


def test_each_is_new() -> None:
    """Two runs give two tokens."""
    assert len({CliRunner().invoke(token, ["generate"]).stdout for _ in range(3)}) == 3
