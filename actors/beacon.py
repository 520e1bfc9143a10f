"""The beacon: when it is sent and to whom, and which of those that arrive are believed."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

import msgspec

from actors.base import Address, GuardedActor, handles
from actors.messages import Describe, Description, Directory, Message, Note, StartTimer, TimerFired
from actors.ports import BeaconPort, DiscoveryPort
from protocol.beacon import format_beacon, parse_beacon
from protocol.network import is_private_road

PERIOD_US: Final = 2_000_000


class DatagramSeen(Message, frozen=True):
    """UDP port to the beacon listener."""

    payload: bytes
    host: str
    port: int


class BroadcasterSetup(msgspec.Struct, frozen=True):
    """The port that sends, and the WebSocket port that is announced (the one really bound)."""

    port: BeaconPort
    ws_port: int


class BeaconBroadcaster(GuardedActor):
    """Announces the controller every two seconds, from the first moment on."""

    def __init__(self) -> None:
        """Silent."""
        super().__init__()
        self.config: BroadcasterSetup
        self.roles: dict[str, Address] = {}
        self.sent = 0

    @handles(BroadcasterSetup)
    def setup(self, message: BroadcasterSetup, _sender: Address) -> None:
        """Take the port."""
        self.config = message

    @handles(Directory)
    def directory(self, message: Directory, _sender: Address) -> None:
        """Learn who is who, and begin."""
        first, self.roles = not self.roles, dict(message.roles)
        if first:
            self.announce()

    @handles(TimerFired)
    def timer(self, _message: TimerFired, _sender: Address) -> None:
        """Again."""
        self.announce()

    def announce(self) -> None:
        """Send one beacon and set the next."""
        self.sent += 1
        self.config.port.announce(format_beacon(self.config.ws_port))
        self.send(self.roles["clock"], StartTimer(PERIOD_US, "beacon"))

    @handles(Describe)
    def describe(self, _message: Describe, sender: Address) -> None:
        """How often it was sent."""
        self.send(sender, Description("beacon", {"sent": self.sent, "ws_port": self.config.ws_port}))


class ListenerSetup(msgspec.Struct, frozen=True):
    """Who hears of a controller; ``any_source`` believes a beacon from any address."""

    port: DiscoveryPort
    any_source: bool


class BeaconListener(GuardedActor):
    """Believes a beacon that parses exactly and comes over loopback or Tailscale; says once why it does not.

    A beacon carries no secret, so anyone on a shared network could send one and become this trader's controller.
    """

    def __init__(self) -> None:
        """Nothing heard."""
        super().__init__()
        self.config: ListenerSetup
        self.roles: dict[str, Address] = {}
        self.heard: str | None = None
        self.ignored: set[str] = set()

    @handles(ListenerSetup)
    def setup(self, message: ListenerSetup, _sender: Address) -> None:
        """Take the port."""
        self.config = message

    @handles(Directory)
    def directory(self, message: Directory, _sender: Address) -> None:
        """Learn who is who."""
        self.roles = dict(message.roles)

    @handles(DatagramSeen)
    def datagram(self, message: DatagramSeen, _sender: Address) -> None:
        """A beacon, or noise."""
        ws_port = parse_beacon(message.payload)
        if ws_port is None:
            self.ignore(message.host, f"ignored a datagram from {message.host} that is no beacon")
            return
        if not (self.config.any_source or is_private_road(message.host)):
            why = "it came over neither loopback nor Tailscale; set WEBSOCKET_URL, or --insecure to believe it"
            self.ignore(message.host, f"ignored a beacon from {message.host}: {why}")
            return
        host = f"[{message.host}]" if ip_address(message.host).version == 6 else message.host  # noqa: PLR2004
        url = f"ws://{host}:{ws_port}"
        if url != self.heard:
            self.heard = url
            self.send(self.roles["telemetry"], Note("BEACON", f"controller found by its beacon: {url}"))
        self.config.port.found(url, "by its beacon")

    def ignore(self, host: str, text: str) -> None:
        """Say it once a source, and stop saying it when there are too many sources to name."""
        if host not in self.ignored and len(self.ignored) < 100:  # noqa: PLR2004 -- a bound, not a quantity
            self.ignored.add(host)
            self.send(self.roles["telemetry"], Note("BEACON", text, "warning", count="beacons_ignored"))

    @handles(Describe)
    def describe(self, _message: Describe, sender: Address) -> None:
        """What was heard last."""
        self.send(sender, Description("beacon", {"heard": self.heard, "ignored_sources": len(self.ignored)}))
