"""Each kind reads what it should from text and TOML's types, refuses the rest in words, and reads its own answer."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from config import kinds
from config.address import Address
from config.kinds import Kind
from config.settings import Settings
from config.sources import kind

PLATFORMS = kinds.platforms(("kalshi", "polymarket"), empty=True)
PORT = kinds.whole(1, 65_535)
CENTS = kinds.decimal(100, 4, zero=True)

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=30)
    | st.decimals()
    | st.floats()
    | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("reader", "given_value", "value"),
    [
        (PORT, "9000", 9000),
        (PORT, 65_535, 65_535),
        (CENTS, "0.5", Decimal("0.5")),
        (CENTS, 1, Decimal(1)),
        (CENTS, Decimal("1.00000000"), Decimal(1)),
        (kinds.yes_no(), "Yes", True),
        (kinds.yes_no(), "0", False),
        (kinds.yes_no(), 1, True),
        (kinds.yes_no(), True, True),
        (PLATFORMS, "", ()),
        (PLATFORMS, "Kalshi, polymarket,kalshi", ("kalshi", "polymarket")),
        (PLATFORMS, ["polymarket"], ("polymarket",)),
        (kinds.addresses(), "127.0.0.1:0,[::1]:9001", (Address("127.0.0.1", 0), Address("::1", 9001))),
        (kinds.addresses(), ["host.example:80"], (Address("host.example", 80),)),
        (kinds.hosts(), "10.0.0.255, trader", ("10.0.0.255", "trader")),
        (kinds.websocket_url(), "wss://host:443/path", "wss://host:443/path"),
        (kinds.websocket_url(), "ws://[fd7a:115c:a1e0::1]:9001", "ws://[fd7a:115c:a1e0::1]:9001"),
        (kinds.feed(), "sim", "sim"),
        (kinds.feed(), "replay:a b.jsonl.gz", "replay:a b.jsonl.gz"),
        (kinds.name(), "kalshi-1", "kalshi-1"),
        (kinds.path(), "x/y", Path("x/y")),
    ],
)
def test_reads(reader: Kind, given_value: object, value: object) -> None:
    assert reader.read(given_value) == value
    assert type(reader.read(given_value)) is type(value)


@pytest.mark.parametrize(
    ("reader", "wrong", "words"),
    [
        (PORT, "ninety", "must be a whole number from 1 to 65535"),
        (PORT, 0, "must be a whole number from 1 to 65535"),
        (PORT, 65_536, "must be a whole number from 1 to 65535"),
        (PORT, True, "must be a whole number from 1 to 65535"),
        (PORT, "٩٠", "must be a whole number from 1 to 65535"),
        (PORT, Decimal(9000), "must be a whole number from 1 to 65535"),
        (CENTS, "NaN", "must be a number from 0 to 100, with at most 4 decimals"),
        (CENTS, Decimal("inf"), "must be a number from 0 to 100, with at most 4 decimals"),
        (CENTS, "1e1", "must be a number from 0 to 100, with at most 4 decimals"),
        (CENTS, "0.00001", "must be a number from 0 to 100, with at most 4 decimals"),
        (CENTS, 0.5, "must be a number from 0 to 100, with at most 4 decimals"),
        (CENTS, -1, "must be a number from 0 to 100, with at most 4 decimals"),
        (CENTS, 101, "must be a number from 0 to 100, with at most 4 decimals"),
        (kinds.decimal(9, 2, zero=False), 0, "must be a number above 0 and at most 9, with at most 2 decimals"),
        (kinds.yes_no(), "perhaps", "must be yes or no"),
        (kinds.yes_no(), 2, "must be yes or no"),
        (kinds.choice("a", "b", "c"), "d", "must be a, b or c"),
        (
            PLATFORMS,
            "kalshi,betfair",
            'must be a comma-separated list out of kalshi, polymarket; "betfair" is none of them',
        ),
        (PLATFORMS, 7, "must be a comma-separated list out of kalshi, polymarket"),
        (PLATFORMS, ["kalshi"] * 33, "must be a comma-separated list out of kalshi, polymarket"),
        (kinds.platforms(("a", "b"), empty=False), "", "must be a comma-separated list out of a, b"),
        (kinds.addresses(), [], "must be HOST:PORT, or several"),
        (
            kinds.addresses(),
            ":9001",
            "must name a host: 0.0.0.0:9001 for every interface, 127.0.0.1:9001 for this machine",
        ),
        (kinds.hosts(), "trader:9000", "must be an IP address or a host name"),
        (kinds.websocket_url(), "http://host", "must be a URL like ws://HOST:9001 or wss://HOST:9001"),
        (kinds.websocket_url(), "ws://", "must be a URL like ws://HOST:9001 or wss://HOST:9001"),
        (kinds.websocket_url(), "ws://host:99999", "must be a URL like ws://HOST:9001 or wss://HOST:9001"),
        (kinds.websocket_url(), "ws://host:0", "must be a URL like ws://HOST:9001 or wss://HOST:9001"),
        (kinds.websocket_url(), "ws://host/a b", "must be a URL like ws://HOST:9001 or wss://HOST:9001"),
        (kinds.websocket_url(), "ws://host/#x", "must be a URL like ws://HOST:9001 or wss://HOST:9001"),
        (
            kinds.websocket_url(),
            "ws://me:hunter2@host",
            "must not carry a user or password; a token goes into token_file or ARB_TOKEN",
        ),
        (kinds.feed(), "replay:", "must be sim, live or replay:FILE"),
        (kinds.feed(), "nasdaq", "must be sim, live or replay:FILE"),
        (kinds.path(), "", "must be a path"),
        (kinds.path(), "a\0b", "must be a path"),
        (kinds.path(), "~nobody-of-that-name/x", "must be a path whose ~ names a user of this machine"),
        (kinds.name(), "../x", "must be 1 to 32 letters, digits, - or _, beginning with a letter or digit"),
        (kinds.name(), "x" * 33, "must be 1 to 32 letters, digits, - or _, beginning with a letter or digit"),
        (kinds.secret(), "two words", "must be one line of visible ASCII characters without spaces"),
    ],
)
def test_refuses_in_words(reader: Kind, wrong: object, words: str) -> None:
    with pytest.raises(ValueError, match=r"^must ") as refused:
        reader.read(wrong)
    assert str(refused.value) == words


@pytest.fixture(scope="module")
def settings_kinds() -> dict[str, Kind]:
    return {name: kind(name) for name in Settings.model_fields}


@given(value=ANYTHING)
def test_every_setting_reads_or_refuses_whatever_it_is_given(settings_kinds: dict[str, Kind], value: object) -> None:
    # To think of a value takes longer than to have it read by every setting.
    for name, reader in settings_kinds.items():
        try:
            read = reader.read(value)
        except ValueError as refused:
            words = str(refused)
        else:
            words = "must stay as read" if reader.read(read) == read else "changed when read again"
        assert words.startswith("must "), name


def test_a_secret_is_never_shown() -> None:
    secret = kinds.secret().read("hunter2")
    assert isinstance(secret, SecretStr)
    assert "hunter2" not in repr(Settings(token=secret))
    assert secret.get_secret_value() == "hunter2"
