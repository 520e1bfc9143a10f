"""Which addresses need no secret: this machine, and the operator's own Tailscale network."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

TRUSTED_NETWORKS: Final = (
    ip_network("127.0.0.0/8"),
    ip_network("::1/128"),
    ip_network("100.64.0.0/10"),
    ip_network("fd7a:115c:a1e0::/48"),
)
"""Loopback, and the ranges that Tailscale gives to its nodes (docs/wire.md, "Who may connect")."""


def literal_address(host: str) -> IPv4Address | IPv6Address | None:
    """The IP address that ``host`` writes out, or None for a name.

    An IPv4 address in IPv6 clothes (``::ffff:127.0.0.1``) is the IPv4 address; a scope (``%eth0``) is left out.
    """
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_trusted(host: str) -> bool:
    """Whether ``host`` is a literal loopback or Tailscale address. A name never is: it may resolve to anything."""
    address = literal_address(host)
    return address is not None and any(address in network for network in TRUSTED_NETWORKS)
