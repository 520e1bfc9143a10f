"""Which addresses count as a private road: loopback and Tailscale. Everything else needs a secret."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Final

TAILSCALE: Final = (ip_network("100.64.0.0/10"), ip_network("fd7a:115c:a1e0::/48"))


def is_private_road(host: str) -> bool:
    """True for a loopback or Tailscale IP address (an IPv4 address mapped into IPv6 counts as itself)."""
    try:
        address = ip_address(host.split("%", 1)[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return address.is_loopback or any(address in net for net in TAILSCALE if net.version == address.version)
