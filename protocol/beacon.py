"""The beacon: the one datagram by which a trader finds its controller (docs/wire.md, "Beacon"). Pure."""

from __future__ import annotations

import json
import re
from typing import Final

MAX_BEACON_BYTES: Final = 512
"""A longer datagram is no beacon; an honest one has 22 bytes as text, some 60 as JSON."""
MAX_PORT: Final = 65_535

_TEXT: Final = re.compile(rb"arb-controller:([1-9][0-9]{0,4})")


def format_beacon(port: int) -> bytes:
    """The payload that announces a controller on ``port``. Raises ValueError for what is no TCP port."""
    if not 0 < port <= MAX_PORT:
        raise ValueError(f"port must be from 1 to {MAX_PORT}, not {port}")
    return b"arb-controller:%d" % port


def parse_beacon(payload: bytes) -> int | None:
    """The controller's port, or None when ``payload`` is no beacon. Never raises, whatever arrives.

    The text must match to the byte: no leading zero, no space, no newline. The JSON object that the known Rust
    peer sends (``{"role": "controller", "ws_port": 9001, ...}``) is taken too, its other fields ignored.
    """
    if len(payload) > MAX_BEACON_BYTES:
        return None
    text = _TEXT.fullmatch(payload)
    return _port(int(text[1])) if text is not None else _port_from_json(payload)


def _port_from_json(payload: bytes) -> int | None:
    try:
        said = json.loads(payload.decode())
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or said.get("role") != "controller":
        return None
    return _port(said.get("ws_port"))


def _port(value: object) -> int | None:
    """``value`` if it is a port: an integer, not a bool (which Python takes for one) and not ``9001.0``."""
    return value if type(value) is int and 0 < value <= MAX_PORT else None
