"""UDP for the beacon: one datagram to many addresses, and a port that several traders of one machine can share."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from protocol.beacon import MAX_BEACON_BYTES
from transport.link.address import show_address

Target = tuple[str, int]


@dataclass(frozen=True, slots=True)
class SendFailure:
    """One address that a round did not reach, and why."""

    host: str
    port: int
    reason: str


class BeaconSender:
    """Sends a payload to whatever ``targets()`` names at that moment: (literal IP address, port) pairs."""

    def __init__(self, targets: Callable[[], Iterable[Target]]) -> None:
        self._targets = targets

    def send(self, payload: bytes) -> tuple[SendFailure, ...]:
        """One round, without waiting. Returns the addresses that failed; a network that is down is no exception."""
        # A fresh socket every round, so that its source port changes. Where several traders share a port the system
        # picks one of them by the addresses and ports of the datagram: with a fixed source it would pick the same
        # one for ever, and the others would never find their controller.
        sockets: dict[socket.AddressFamily, socket.socket] = {}
        try:
            attempts = [(target, _send(payload, target, sockets)) for target in self._targets()]
        finally:
            for each in sockets.values():
                each.close()
        return tuple(SendFailure(host, port, reason) for (host, port), reason in attempts if reason is not None)


def _send(payload: bytes, target: Target, sockets: dict[socket.AddressFamily, socket.socket]) -> str | None:
    """Why the datagram could not be handed to the system, or None."""
    host, port = target
    try:
        version = ip_address(host.partition("%")[0]).version
    except ValueError:
        # Not resolved here: that would block the loop for as long as a name server likes.
        return "not a literal IP address; beacons are sent to addresses only"
    family = socket.AF_INET if version == 4 else socket.AF_INET6  # noqa: PLR2004 -- IP's own version numbers
    try:
        if family not in sockets:
            sockets[family] = _sender(family)
        sockets[family].sendto(payload, (host, port))
    except (OSError, OverflowError) as error:
        return getattr(error, "strerror", None) or str(error)
    return None


def _sender(family: socket.AddressFamily) -> socket.socket:
    sender = socket.socket(family, socket.SOCK_DGRAM)
    sender.setblocking(False)  # noqa: FBT003 -- the socket module's own signature
    # Always: only the system knows which addresses are a network's broadcast, and to the others it changes nothing.
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    return sender


class BeaconPortError(Exception):
    """The beacon's port cannot be listened on; the message says why and what to do."""


_ANY: Final = "0.0.0.0"  # noqa: S104 -- a broadcast reaches no narrower address; what arrives is judged by its source


class BeaconReceiver(asyncio.DatagramProtocol):
    """Calls ``on_datagram(payload, host, port)`` for every datagram of at most 512 bytes; longer ones are ignored.

    ``host`` is where it came from, as far as UDP can tell: a sender can lie, so judge it before you follow it.
    """

    def __init__(self, port: int, on_datagram: Callable[[bytes, str, int], None], *, host: str = _ANY) -> None:
        self._port = port
        self._host = host
        self._on_datagram = on_datagram
        self._transport: asyncio.DatagramTransport | None = None
        self._is_closed = asyncio.Event()

    async def start(self) -> None:
        """Listen. Raises :class:`BeaconPortError`."""
        listener = self._bind()
        self._port = listener.getsockname()[1]
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=listener)

    @property
    def port(self) -> int:
        """The port really bound, once started."""
        return self._port

    async def stop(self) -> None:
        """Listen no more; the port is free when it returns. Idempotent."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None
            await self._is_closed.wait()

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        """Asyncio's callback."""
        if len(data) <= MAX_BEACON_BYTES:
            self._on_datagram(data, str(addr[0]), addr[1])

    def error_received(self, exc: Exception) -> None:
        """Asyncio's callback; a receiver has nothing to do with errors of single datagrams."""

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- asyncio's signature
        """Asyncio's callback."""
        self._is_closed.set()

    def _bind(self) -> socket.socket:
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if hasattr(socket, "SO_REUSEPORT"):
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listener.bind((self._host, self._port))
        except OSError as error:
            listener.close()
            raise BeaconPortError(
                f"cannot listen for beacons on UDP {show_address(self._host, self._port)}: {error.strerror}. Choose "
                "another `beacon_port` on both ends, or give the trader its controller's address (WEBSOCKET_URL)"
            ) from error
        return listener
