"""What can go wrong on demand: each fault by its name, so many times, on the requests or frames it is meant for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

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

NAMES: Final = frozenset({*REQUEST_FAULTS, *FRAME_FAULTS, *SOCKET_FAULTS, *STATES})
FOREVER: Final = -1
MOST_WAITING: Final = 1_000

ORDER_FAULTS: Final = frozenset({"spent_id", "insufficient_balance", "unfunded_shard"})
"""Those that strike orders alone."""

PAGE_FAULTS: Final = frozenset({"short_page", "lost_cursor"})
"""Those that strike reads alone."""

_ORDERS: Final = "/portfolio/events/orders"


class Fault(msgspec.Struct, kw_only=True):
    """One fault that waits for its occasion.

    ``times``: how often, -1 for until it is cleared; ``skip``: occasions let through first. ``method`` and ``path``
    (what the path ends with or, with a ``*`` at its end, begins with) choose requests, ``channel`` and ``ticker``
    frames; empty is any.
    """

    name: str
    times: int = 1
    skip: int = 0
    ms: int = 0
    status: int = 503
    method: str = ""
    path: str = ""
    channel: str = ""
    ticker: str = ""
    kind: str = ""

    def meets(self, method: str, path: str) -> bool:
        """Whether it is meant for such a request."""
        if self.name in ORDER_FAULTS and not (method == "POST" and path.endswith(_ORDERS)):
            return False
        if (self.method and self.method != method) or (self.name in PAGE_FAULTS and method != "GET"):
            return False
        if self.path.endswith("*"):
            return path.startswith(self.path[:-1])
        return not self.path or path.endswith(self.path)


class FaultError(ValueError):
    """A fault that does not exist; the text names those that do."""


class Faults:
    """The faults that wait, in the order in which they were asked for."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []
        self.struck: dict[str, int] = {}

    def add(self, fault: Fault) -> None:
        """Wait for an occasion. Raises :class:`FaultError`."""
        if fault.name not in NAMES:
            raise FaultError(f"no fault is called {fault.name[:40]!r}: {', '.join(sorted(NAMES))}")
        if fault.times < 1 and fault.times != FOREVER:
            raise FaultError(f"times: at least 1, or {FOREVER} for until it is cleared, not {fault.times}")
        if len(self.waiting) >= MOST_WAITING:
            raise FaultError(f"more than {MOST_WAITING} faults wait: clear some")
        if fault.name not in STATES:
            self.waiting.append(fault)

    def clear(self, name: str = "") -> None:
        """Forget those of a name, or all."""
        self.waiting = [fault for fault in self.waiting if name and fault.name != name]

    def request(self, method: str, path: str) -> dict[str, Fault]:
        """The faults that strike this request, by name."""
        return self._strike(
            [fault for fault in self.waiting if fault.name in REQUEST_FAULTS and fault.meets(method, path)]
        )

    def frame(self, channel: str, ticker: str) -> dict[str, Fault]:
        """The faults that strike this data frame, by name."""
        if not self.waiting:
            return {}
        return self._strike(
            [
                fault
                for fault in self.waiting
                if fault.name in FRAME_FAULTS and fault.channel in {"", channel} and fault.ticker in {"", ticker}
            ]
        )

    def socket(self, name: str) -> Fault | None:
        """The fault of that name, if it strikes a connection now."""
        return self._strike([fault for fault in self.waiting if fault.name == name]).get(name)

    def _strike(self, faults: list[Fault]) -> dict[str, Fault]:
        struck: dict[str, Fault] = {}
        for fault in faults:
            if fault.skip > 0:
                fault.skip -= 1
            elif fault.name not in struck:
                struck[fault.name] = fault
                self.struck[fault.name] = self.struck.get(fault.name, 0) + 1
                if fault.times != FOREVER:
                    fault.times -= 1
                if fault.times == 0:
                    self.waiting.remove(fault)
        return struck
