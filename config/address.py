"""Where a socket listens, and hosts by name or number."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address
from typing import Final, NamedTuple

MAX_HOST: Final = 253
MAX_PORT: Final = 65_535

_LABEL: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)", re.ASCII)
_PORT: Final = re.compile(r"\d{1,5}", re.ASCII)


class AddressError(ValueError):
    """Text that is no address; says what it must be."""


class Address(NamedTuple):
    """A host and a port; port 0 lets the system choose one."""

    host: str
    port: int

    def __str__(self) -> str:
        """As it is typed: ``127.0.0.1:9001`` or ``[::1]:9001``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_host(text: str) -> str:
    """Return the host without brackets: an IP address or a host name. Raises :class:`AddressError`."""
    host = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        address = ip_address(host)
    except ValueError:
        pass
    else:
        if host != text and not isinstance(address, IPv6Address):
            raise AddressError("must have brackets only around an IPv6 address")
        return host
    labels = host.removesuffix(".").split(".")
    # A last label of digits alone is a mistyped IPv4 address, never a name.
    named = host == text and len(host) <= MAX_HOST and all(_LABEL.fullmatch(label) for label in labels)
    if not named or labels[-1].isdigit():
        raise AddressError("must be an IP address or a host name")
    return host


def parse_address(text: str) -> Address:
    """Read ``HOST:PORT`` (an IPv6 host in brackets). Raises :class:`AddressError`."""
    host, colon, port = text.rpartition(":")
    if not colon or not _PORT.fullmatch(port) or int(port) > MAX_PORT:
        raise AddressError(f"must be HOST:PORT with a port from 0 to {MAX_PORT}")
    if not host:
        raise AddressError(f"must name a host: 0.0.0.0:{port} for every interface, 127.0.0.1:{port} for this machine")
    if ":" in host and not host.startswith("["):
        raise AddressError(f"must have brackets around an IPv6 address, as in [::1]:{port}")
    return Address(parse_host(host), int(port))
