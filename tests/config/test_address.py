"""HOST:PORT as people type it: read, written back the same, and refused with the fix."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.address import Address, AddressError, parse_address, parse_host

IPS = st.ip_addresses().map(str)
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,20}[a-z0-9](\.[a-z]{2,8})?", fullmatch=True)


@given(host=IPS | NAMES, port=st.integers(0, 65_535))
def test_what_is_written_is_read_back(host: str, port: int) -> None:
    address = Address(host, port)
    assert parse_address(str(address)) == address


@given(text=st.text(max_size=40))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        address = parse_address(text)
    except AddressError as refused:
        words = str(refused)
    else:
        words = "must stay as read" if parse_address(str(address)) == address else "changed when read again"
    assert words.startswith("must ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("localhost", "must be HOST:PORT with a port from 0 to 65535"),
        ("localhost:http", "must be HOST:PORT with a port from 0 to 65535"),
        ("localhost:65536", "must be HOST:PORT with a port from 0 to 65535"),
        (":80", "must name a host: 0.0.0.0:80 for every interface, 127.0.0.1:80 for this machine"),
        ("::1:80", "must have brackets around an IPv6 address, as in [::1]:80"),
        ("[127.0.0.1]:80", "must have brackets only around an IPv6 address"),
        ("300.1.1.1:80", "must be an IP address or a host name"),
        ("a b:80", "must be an IP address or a host name"),
        ("-a:80", "must be an IP address or a host name"),
        ("[host]:80", "must be an IP address or a host name"),
    ],
)
def test_a_wrong_address_is_refused_with_the_fix(text: str, words: str) -> None:
    with pytest.raises(AddressError) as refused:
        parse_address(text)
    assert str(refused.value) == words


def test_a_host_loses_its_brackets() -> None:
    assert parse_host("[::1]") == "::1"
