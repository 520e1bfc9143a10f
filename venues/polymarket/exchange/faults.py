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
        "error_before": "`status` (500) without anything being done",
        "error_after": "the request is carried out, the reply is `status` (500)",
        "drop_before": "the connection breaks, nothing was done",
        "drop_after": "the request is carried out, the connection breaks",
        "garbled_reply": "the request is carried out, the reply is cut off in the middle",
        "rate_limited": "429 without Retry-After",
        "restarting": "425 with `Retry-After`: the engine restarts",
        "unauthorized": "401 Unauthorized/Invalid api key",
        "null_lookup": "`GET /data/order/{id}` answers null, whatever became of the order",
        "empty_page": "a list answers with an empty page that is the last",
    }
)
"""Faults of REST requests, and what each does."""

ORDER_FAULTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "delayed": "the order is `delayed`, and carried out `ms` (2000) later",
        "live_then_filled": "the order is answered `live` with nothing filled, and carried out `ms` (2000) later",
        "ghost_fill": "what the order fills is RETRYING and then FAILED instead of mined",
        "over_fill": "the house betters its price by `ticks` (5) for this order: the same dollars buy more shares",
        "success_with_error": "nothing is done; the reply is `success: true` with `text` in `errorMsg`",
        "unmatched": "nothing is done; the reply is `success: true`, status `unmatched`",
        "killed": "nothing is there to match: the text for FOK or FAK",
        "not_enough_balance": "400 not enough balance / allowance",
        "maker_not_allowed": "400 maker address not allowed, please use the deposit wallet flow",
        "duplicated": "400 Duplicated, for an order that was never placed",
    }
)
"""Faults of orders that are posted, and what each does."""

FRAME_FAULTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "gap": "the frame is never sent",
        "duplicate": "the frame is sent twice",
        "garbled_frame": "the frame is cut off in the middle",
        "silent": "no data frame leaves, PING is answered; what happens meanwhile is never told",
        "book_lie": "the sizes of a price_change are wrong: gone where there is some, some where there is none",
        "top_lie": "`best_bid` and `best_ask` of a price_change are a cent off",
        "as_array": "the frame comes as an array of itself",
        "unknown_event": "an event of a type that nobody knows goes before the frame",
        "socket_drop": "the connection breaks instead of this frame",
    }
)
"""Faults of WebSocket data frames."""

LIES: Final = frozenset({"book_lie", "top_lie"})
"""Those that strike a price_change alone."""

SOCKET_FAULTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "refused_handshake": "the upgrade is answered with `status` (500)",
        "no_pongs": "PING is not answered",
    }
)
"""Faults of WebSocket connections."""

STATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "clock_offset": "our clock is `ms` ahead, in /time and where timestamps are judged",
        "lag": "orders and trades are in the reads `ms` later; until then an order is null",
        "cancel_only": "no orders: 503, cancels are taken",
        "post_only": "only post-only orders and cancels, as after a restart",
        "market_paused": "the market `market` (slug) takes no orders",
        "deposit_wallets_only": "orders of any other wallet: 400 maker address not allowed",
        "unsettled": "no trade is mined by itself; what waits goes on when this is cleared",
    }
)
"""Not counted: they last until they are cleared."""

NAMES: Final = frozenset({*REQUEST_FAULTS, *ORDER_FAULTS, *FRAME_FAULTS, *SOCKET_FAULTS, *STATES})
FOREVER: Final = -1
MOST_WAITING: Final = 1_000
_LISTS: Final = ("/data/orders", "/data/trades", "/data-api/positions")


class Fault(msgspec.Struct, kw_only=True):
    """One fault that waits for its occasion.

    ``times``: how often, -1 for until it is cleared; ``skip``: occasions let through first. ``method`` and ``path``
    (what the path ends with or, with a ``*`` at its end, begins with) choose requests, ``channel`` (market, user),
    ``token`` and ``event`` frames; ``wallet`` the orders of one; empty is any.
    """

    name: str
    times: int = 1
    skip: int = 0
    ms: int = 0
    status: int = 500
    ticks: int = 5
    text: str = "internal server error"
    method: str = ""
    path: str = ""
    channel: str = ""
    token: str = ""
    event: str = ""
    market: str = ""
    wallet: str = ""

    def meets(self, method: str, path: str) -> bool:
        """Whether it is meant for such a request."""
        if self.method not in {"", method}:
            return False
        if self.name == "null_lookup" and not (method == "GET" and path.startswith("/data/order/")):
            return False
        if self.name == "empty_page" and not (method == "GET" and path in _LISTS):
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
        return self._strike([one for one in self.waiting if one.name in REQUEST_FAULTS and one.meets(method, path)])

    def order(self, wallet: str, market: str) -> dict[str, Fault]:
        """The faults that strike an order that is about to be placed, by name."""
        return self._strike(
            [
                one
                for one in self.waiting
                if one.name in ORDER_FAULTS
                and one.wallet.lower() in {"", wallet.lower()}
                and one.market in {"", market}
            ]
        )

    def frame(self, channel: str, event: str, tokens: tuple[str, ...]) -> dict[str, Fault]:
        """The faults that strike this data frame, by name."""
        if not self.waiting:
            return {}
        return self._strike(
            [
                one
                for one in self.waiting
                if one.name in FRAME_FAULTS
                and one.channel in {"", channel}
                and one.event in {"", event}
                and (one.name not in LIES or event == "price_change")
                and (not one.token or one.token in tokens)
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
