"""What Tailscale says of this machine and its peers, as a value: absent, stopped and garbage are answers too."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, cast

MAX_STATUS_BYTES: Final = 16 * 1024 * 1024
"""Some 2 KB a peer: room for more peers than a tailnet has."""
TIMEOUT_S: Final = 3.0

_MULLVAD: Final = ".mullvad.ts.net"
"""Rented exit nodes: hundreds of online "peers" that are nobody's trader."""


@dataclass(frozen=True, slots=True)
class TailscaleStatus:
    """``running``: this machine is on its tailnet now. If not, ``reason`` says why, and there are no addresses.

    ``self_ips`` are this machine's addresses, ``peers`` those of the peers that are online, IPv4 and IPv6.
    """

    running: bool
    self_ips: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()
    reason: str | None = None

    @property
    def peers_v4(self) -> tuple[str, ...]:
        """The peers' IPv4 addresses: where beacons go, for a trader listens on IPv4."""
        return tuple(address for address in self.peers if ip_address(address).version == 4)  # noqa: PLR2004 -- IPv4


async def tailscale_status(*, binary: str = "tailscale", within: float = TIMEOUT_S) -> TailscaleStatus:
    """Ask ``tailscale status --json``, for at most ``within`` seconds. Never raises; leaves no process behind."""
    loop = asyncio.get_running_loop()
    try:
        transport, words = await loop.subprocess_exec(
            _Words, binary, "status", "--json", stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, start_new_session=True
        )
    except FileNotFoundError:
        return _not_running(f"Tailscale is not installed: no `{binary}` on the path")
    except OSError as error:
        return _not_running(f"`{binary}` cannot be run: {error.strerror}")
    try:
        async with asyncio.timeout(within):
            await words.complete.wait()
            await words.exited.wait()
    except TimeoutError:
        return _not_running(f"`{binary} status` gave no answer in {within:g} s")
    finally:
        await _end(transport, words)
    if words.is_too_long:
        return _not_running(f"`{binary} status` said more than {MAX_STATUS_BYTES} bytes")
    code = transport.get_returncode()
    if code != 0 and not words.said.strip():
        return _not_running(f"`{binary} status` failed with exit code {code}: is tailscaled running?")
    return parse_status(bytes(words.said))


def parse_status(said: bytes) -> TailscaleStatus:
    """The status in the JSON that ``tailscale status --json`` prints. Pure; never raises, whatever it is given."""
    try:
        status = json.loads(said)
    except (ValueError, RecursionError):
        status = None
    if not isinstance(status, dict):
        return _not_running("`tailscale status --json` did not print a JSON object")
    state = status.get("BackendState")
    if state != "Running":
        return _not_running(f"Tailscale is not up: its state is {str(state)[:40]!r} (try: tailscale up)")
    known = status.get("Peer")
    peers = known.values() if isinstance(known, dict) else ()
    return TailscaleStatus(
        running=True,
        self_ips=_addresses(status.get("Self")),
        peers=tuple(address for peer in peers if _may_trade(peer) for address in _addresses(peer)),
    )


def _not_running(reason: str) -> TailscaleStatus:
    return TailscaleStatus(running=False, reason=reason)


def _may_trade(peer: object) -> bool:
    """Whether a beacon to this peer could reach a trader: it is online, and somebody's machine on this tailnet."""
    if not isinstance(peer, dict) or peer.get("Online") is not True or peer.get("ShareeNode") is True:
        return False
    return not str(peer.get("DNSName", "")).rstrip(".").endswith(_MULLVAD)


def _addresses(node: object) -> tuple[str, ...]:
    listed = node.get("TailscaleIPs") if isinstance(node, dict) else None
    return tuple(each for each in listed if _is_address(each)) if isinstance(listed, list) else ()


def _is_address(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        ip_address(value)
    except ValueError:
        return False
    return True


class _Words(asyncio.SubprocessProtocol):
    """What the program prints.

    Not through asyncio's streams: their ``wait()`` does not return while anybody, a child of the program's say,
    holds the other end of the pipe.
    """

    def __init__(self) -> None:
        self.said = bytearray()
        self.is_too_long = False
        self.complete = asyncio.Event()
        self.exited = asyncio.Event()
        self._transport: asyncio.SubprocessTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:  # noqa: ARG002 -- asyncio's signature
        self.said += data
        if len(self.said) > MAX_STATUS_BYTES and self._transport is not None:
            self.is_too_long = True
            self._transport.close()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002 -- asyncio's signature
        self.complete.set()

    def process_exited(self) -> None:
        self.exited.set()


async def _end(transport: asyncio.SubprocessTransport, words: _Words) -> None:
    """Nothing of the program is left when this returns, nor of what it started, also if it did not want to end."""
    if not (words.complete.is_set() and words.exited.is_set()):
        # The whole group: `tailscale` may be a script around the real program.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(transport.get_pid(), signal.SIGKILL)
    transport.close()
    await words.exited.wait()
    await words.complete.wait()
