"""What a link may cost and who may use it: the limits of both ends, each named once."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from typing import Final

from protocol.codec import MAX_FRAME_BYTES
from transport.link.backoff import BASE_S, CAP_S
from transport.link.errors import LinkError

MAX_UNSENT_BYTES: Final = 1024 * 1024
"""A reader this far behind is dropped: what it would read is older than any order's deadline."""
MAX_QUEUED_FRAMES: Final = 64
"""Frames read but not yet delivered before the socket is read no further."""
MAX_CONNECTIONS: Final = 64
MAX_HANDSHAKES: Final = 64
"""Connections that have not yet said who they are; one more drops the oldest, never the newcomer."""
HANDSHAKE_S: Final = 10.0
CLOSE_S: Final = 2.0
STEADY_S: Final = 10.0
"""A connection that lived this long was a good one: the next attempt is quick again."""

_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,512}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLimits:
    """Limits that both ends keep, and the secret between them. The token is never part of ``repr``."""

    token: str | None = field(default=None, repr=False)
    max_frame_bytes: int = MAX_FRAME_BYTES
    max_unsent_bytes: int = MAX_UNSENT_BYTES
    max_queued_frames: int = MAX_QUEUED_FRAMES
    handshake_s: float = HANDSHAKE_S
    close_s: float = CLOSE_S

    def __post_init__(self) -> None:
        if self.token is not None and _TOKEN.fullmatch(self.token) is None:
            raise LinkError(
                "the link's token must be 1 to 512 visible ASCII characters without a space; "
                "leave it unset for none (try: openssl rand -hex 32)"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPolicy(LinkLimits):
    """The controller's end: where it listens and whom it lets in.

    ``bind`` lists addresses; port 0 takes any free port, and the same one on every address that says 0. With a
    ``token`` everybody must show it; without one only loopback and Tailscale may be bound and may connect, unless
    the operator said ``insecure``. ``ssl`` makes it ``wss://`` (see :mod:`transport.link.tls`).
    """

    bind: tuple[tuple[str, int], ...] = (("127.0.0.1", 0),)
    insecure: bool = False
    ssl: ssl.SSLContext | None = None
    max_connections: int = MAX_CONNECTIONS
    max_handshakes: int = MAX_HANDSHAKES

    @property
    def is_open_to_strangers(self) -> bool:
        """Whether an address outside loopback and Tailscale may be bound, and may connect."""
        return self.insecure or self.token is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientPolicy(LinkLimits):
    """The trader's end: how it proves itself, whose certificate it believes, how it comes back.

    ``ssl`` is used for ``wss://`` only; None takes the system's certificate authorities.
    """

    ssl: ssl.SSLContext | None = None
    backoff_base_s: float = BASE_S
    backoff_cap_s: float = CAP_S
    steady_s: float = STEADY_S
