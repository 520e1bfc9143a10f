"""What can go wrong on demand: each fault by its name, so many times, on the requests or frames it is meant for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from venues.loopback.faults import Fault as LoopbackFault
from venues.loopback.faults import Faults as LoopbackFaults

REQUEST_FAULTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "delay": "the request waits `ms` before it is looked at",
        "late_reply": "the request is carried out, its reply waits `ms`",
        "error_before": "`status` (503) without anything being done",
        "error_after": "the request is carried out, the reply is `status` (503)",
        "drop_before": "the connection breaks, nothing was done",
        "drop_after": "the request is carried out, the connection breaks",
        "garbled_reply": "the request is carried out, the reply is cut off in the middle",
        "rate_limited": "429 without Retry-After",
        "spent_id": "409 order_already_exists for an order that this account never placed",
        "insufficient_balance": "400 insufficient_balance",
        "unfunded_shard": "400 user_not_found, as on a shard without money",
        "timestamp_expired": "401 header_timestamp_expired",
        "short_page": "half of the page, and no cursor to the rest",
        "lost_cursor": "a page after the first answers 500",
    }
)
"""Faults of REST requests, and what each does."""

FRAME_FAULTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "gap": "the frame is counted in `seq` and never sent",
        "duplicate": "the frame is sent twice",
        "garbled_frame": "the frame is cut off in the middle",
        "silent": "no data frame leaves, pings go on; what happens meanwhile is never told",
        "channel_error": "error 10 ends the subscription",
        "buffer_overflow": "error 25 ends the subscription",
        "socket_drop": "the connection breaks instead of this frame",
    }
)
"""Faults of WebSocket data frames."""

SOCKET_FAULTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "refused_handshake": "the upgrade is answered with `status` (503)",
        "no_pings": "no ping leaves",
        "slow_command": "the answer to a command is error 18 (timeout), nothing is done",
    }
)
"""Faults of WebSocket connections."""

STATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "lag": "reads show what happened `ms` later (`kind`: orders, fills, positions, balances; default: all)",
        "clock_offset": "our clock is `ms` ahead, in the Date header and where timestamps are judged",
        "maintenance": "the exchange takes no change: 503, and so says /exchange/status",
        "trading_paused": "no orders: 409 trading_is_paused",
        "market_paused": "the market `ticker` takes no orders, and says so on market_lifecycle_v2",
    }
)
"""Not counted: they last until they are cleared."""

WHAT: Final[Mapping[str, str]] = MappingProxyType({**REQUEST_FAULTS, **FRAME_FAULTS, **SOCKET_FAULTS, **STATES})
NAMES: Final = frozenset(WHAT)
ORDER_FAULTS: Final = frozenset({"spent_id", "insufficient_balance", "unfunded_shard"})
"""Those that strike orders alone."""

PAGE_FAULTS: Final = frozenset({"short_page", "lost_cursor"})
"""Those that strike reads alone."""

_ORDERS: Final = "/portfolio/events/orders"


class Fault(LoopbackFault, kw_only=True):
    """One fault that waits for its occasion; ``channel`` and ``ticker`` choose frames, empty is any."""

    status: int = 503
    channel: str = ""
    ticker: str = ""
    kind: str = ""

    def meets(self, method: str, path: str) -> bool:
        """Whether it is meant for such a request."""
        if self.name in ORDER_FAULTS and not (method == "POST" and path.endswith(_ORDERS)):
            return False
        return super().meets(method, path) and (self.name not in PAGE_FAULTS or method == "GET")


class Faults(LoopbackFaults[Fault]):
    """The faults that wait, in the order in which they were asked for."""

    kind = Fault
    names = WHAT
    requests = REQUEST_FAULTS
    states = STATES

    def frame(self, channel: str, ticker: str) -> dict[str, Fault]:
        """The faults that strike this data frame, by name."""
        return self.strike(FRAME_FAULTS, lambda fault: fault.channel in {"", channel} and fault.ticker in {"", ticker})
