"""Where the beacon goes, kept up to date, and the port that sends it there."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from typing import Final

from transport.logs import log_event
from transport.tailscale import TailscaleStatus, tailscale_status
from transport.udp import BeaconSender, Target

REFRESH_S: Final = 30.0
LOOPBACK: Final = ("127.0.0.1", "127.255.255.255")
"""This machine: its address for a listener on that alone, its broadcast so that several listeners all hear."""
BROADCAST: Final = "255.255.255.255"


def beacon_targets(
    port: int, bound: tuple[str, ...], status: TailscaleStatus, configured: tuple[str, ...]
) -> tuple[Target, ...]:
    """Tailscale's online peers when it runs, else the configured addresses, else broadcast.

    A controller that is bound to loopback alone announces itself on loopback alone: nobody else could reach it.
    """
    addresses = [ip_address(host.split("%", 1)[0]) for host in bound]
    beyond = any(not address.is_loopback for address in addresses)
    hosts: list[str] = []
    if any(address.is_loopback or address.is_unspecified for address in addresses):
        hosts.extend(LOOPBACK)
    if beyond and status.running:
        hosts.extend(status.peers_v4)
    elif configured:
        hosts.extend(configured)
    elif beyond:
        hosts.append(BROADCAST)
    return tuple(dict.fromkeys((host, port) for host in hosts))


class Beacons:
    """Implements ``BeaconPort``; :meth:`refresh` keeps the peers current while it runs."""

    def __init__(self, port: int, bound: tuple[str, ...], configured: tuple[str, ...], status: TailscaleStatus) -> None:
        self._port = port
        self._bound = bound
        self._configured = configured
        self._targets = beacon_targets(port, bound, status, configured)
        self._sender = BeaconSender(lambda: self._targets)
        self._failing: set[str] = set()

    @property
    def targets(self) -> tuple[Target, ...]:
        """Where beacons go now."""
        return self._targets

    def announce(self, payload: bytes) -> None:
        """Send to every target; an address that cannot be reached is named once until it can."""
        failures = {failure.host: failure.reason for failure in self._sender.send(payload)}
        for host in failures.keys() - self._failing:
            log_event("BEACON", "warning", f"no beacon to {host}: {failures[host]}")
        self._failing = set(failures)

    async def refresh(self) -> None:
        """Ask Tailscale again and again who is online."""
        while True:
            await asyncio.sleep(REFRESH_S)
            status = await tailscale_status()
            self._targets = beacon_targets(self._port, self._bound, status, self._configured)
