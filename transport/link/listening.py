"""Listening sockets for the addresses of a policy: all of them, or none and the reason."""

from __future__ import annotations

import asyncio
import errno
import socket

from transport.link.address import show_address
from transport.link.errors import BindFailed, BindRefused, LinkError, PortInUse
from transport.link.policy import LinkPolicy
from transport.link.trust import is_trusted

_BACKLOG = 128


async def open_listeners(policy: LinkPolicy) -> tuple[socket.socket, ...]:
    """Bind and listen on every address in ``policy.bind``; no socket is opened before all of them may be bound.

    A name is bound on all its addresses that this machine has. Raises :class:`BindRefused`, :class:`PortInUse` or
    :class:`BindFailed`, and leaves nothing open then.
    """
    if not policy.bind:
        raise BindFailed("there is no address to listen on: name at least one HOST:PORT to bind")
    wanted = [(await _resolve(host, port), show_address(host, port)) for host, port in policy.bind]
    for addresses, name in wanted:
        _may_bind(policy, addresses, name)
    listeners: list[socket.socket] = []
    try:
        for addresses, name in wanted:
            listeners += _listen_on_any(addresses, name, listeners[0].getsockname()[1] if listeners else 0)
    except LinkError:
        for listener in listeners:
            listener.close()
        raise
    return tuple(listeners)


_Resolved = tuple[socket.AddressFamily, str, int]


async def _resolve(host: str, port: int) -> list[_Resolved]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise BindFailed(f"cannot bind {show_address(host, port)}: the host does not resolve ({error})") from error
    # In the order found, each once: a resolver may list an address once per protocol.
    return list(dict.fromkeys((family, str(address[0]), port) for family, _, _, _, address in found))


def _may_bind(policy: LinkPolicy, addresses: list[_Resolved], name: str) -> None:
    if policy.is_open_to_strangers:
        return
    for _, host, _ in addresses:
        if not is_trusted(host):
            raise BindRefused(
                f"refused to bind {name}: {host} can be reached by others, and whoever connects is sent orders and "
                "believed. Bind a loopback or a Tailscale address, or set a token on both ends, or say --insecure "
                "if the network itself keeps strangers out"
            )


def _listen_on_any(addresses: list[_Resolved], name: str, default_port: int) -> list[socket.socket]:
    """Listen on the addresses of one name that this machine has, at least one, all with the same port."""
    opened: list[socket.socket] = []
    missing: OSError | None = None
    for family, host, port in addresses:
        shared = opened[0].getsockname()[1] if opened else default_port
        try:
            opened.append(_listen(family, host, port or shared))
        except OSError as error:
            # `localhost` names ::1 on machines without IPv6, too.
            if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                missing = error
                continue
            for listener in opened:
                listener.close()
            raise _explain(error, name) from error
    if not opened and missing is not None:
        raise _explain(missing, name) from missing
    return opened


def _listen(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    # The protocol is named because asyncio sets TCP_NODELAY only on sockets that name theirs, and without it an
    # order that follows another would wait for the other's acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # Or a restart would have to wait until the last connections of the one before have left TIME_WAIT.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        # Listening at once, not later: two sockets may be bound to one port, only one may listen.
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _explain(error: OSError, name: str) -> LinkError:
    match error.errno:
        case errno.EADDRINUSE:
            return PortInUse(
                f"cannot bind {name}: another program listens there. Stop it (a controller of yours: `arb status`), "
                "or choose another port with --bind HOST:PORT or `ws_port`"
            )
        case errno.EADDRNOTAVAIL | errno.EAFNOSUPPORT:
            return BindFailed(f"cannot bind {name}: this machine has no such address; is its network (Tailscale) up?")
        case errno.EACCES | errno.EPERM:
            return BindFailed(f"cannot bind {name}: the system does not allow this port; choose one above 1023")
        case _:
            return BindFailed(f"cannot bind {name}: {error.strerror or error}")
