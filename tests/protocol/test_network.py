"""Which addresses need no secret: loopback and Tailscale, and nothing that only looks like them."""

from __future__ import annotations

import pytest

from protocol.network import is_private_road


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.255.0.9",
        "::1",
        "100.64.0.0",
        "100.127.255.255",
        "fd7a:115c:a1e0::1",
        "fd7a:115c:a1e0:ab12::7%tailscale0",
        "::ffff:127.0.0.1",
        "::ffff:100.100.1.2",
    ],
)
def test_loopback_and_tailscale_are_private_roads(host: str) -> None:
    assert is_private_road(host)


@pytest.mark.parametrize(
    "host",
    [
        "192.168.1.5",
        "10.0.0.1",
        "172.16.0.1",
        "169.254.1.1",
        "100.63.255.255",
        "100.128.0.0",
        "8.8.8.8",
        "0.0.0.0",  # noqa: S104 -- not bound, asked about
        "::",
        "fd7a:115c:a1e1::1",
        "fe80::1%lo",
        "::ffff:192.168.1.5",
        "::127.0.0.1",
        "localhost",
        "127.0.0.1.example.com",
        "0127.0.0.1",
        "",
        "%",
    ],
)
def test_everything_else_needs_a_secret(host: str) -> None:
    assert not is_private_road(host)
