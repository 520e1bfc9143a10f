"""Addresses as people and URLs write them."""

from __future__ import annotations


def show_address(host: str, port: int) -> str:
    """``host:port``, with the brackets that an IPv6 address needs."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def ws_url(host: str, port: int, *, secure: bool = False) -> str:
    """The URL of a controller's link."""
    return f"{'wss' if secure else 'ws'}://{show_address(host, port)}"


def show_peer(name: object) -> str:
    """A socket's peer name as ``host:port``; ``unknown`` when the socket was gone before it could be asked."""
    match name:
        case (str(host), int(port), *_):
            return show_address(host, port)
        case _:
            return "unknown"
