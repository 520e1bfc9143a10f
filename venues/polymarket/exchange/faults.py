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

WHAT: Final[Mapping[str, str]] = MappingProxyType(
    {**REQUEST_FAULTS, **ORDER_FAULTS, **FRAME_FAULTS, **SOCKET_FAULTS, **STATES}
)
NAMES: Final = frozenset(WHAT)
_LISTS: Final = ("/data/orders", "/data/trades", "/data-api/positions")


class Fault(LoopbackFault, kw_only=True):
    """One fault that waits for its occasion.

    ``channel`` (market, user), ``token`` and ``event`` choose frames, ``wallet`` the orders of one; empty is any.
    """

    ticks: int = 5
    text: str = "internal server error"
    channel: str = ""
    token: str = ""
    event: str = ""
    market: str = ""
    wallet: str = ""

    def meets(self, method: str, path: str) -> bool:
        """Whether it is meant for such a request."""
        if self.name == "null_lookup" and not (method == "GET" and path.startswith("/data/order/")):
            return False
        if self.name == "empty_page" and not (method == "GET" and path in _LISTS):
            return False
        return super().meets(method, path)


class Faults(LoopbackFaults[Fault]):
    """The faults that wait, in the order in which they were asked for."""

    kind = Fault
    names = WHAT
    requests = REQUEST_FAULTS
    states = STATES

    def order(self, wallet: str, market: str) -> dict[str, Fault]:
        """The faults that strike an order that is about to be placed, by name."""
        return self.strike(
            ORDER_FAULTS, lambda one: one.wallet.lower() in {"", wallet.lower()} and one.market in {"", market}
        )

    def frame(self, channel: str, event: str, tokens: tuple[str, ...]) -> dict[str, Fault]:
        """The faults that strike this data frame, by name."""
        return self.strike(
            FRAME_FAULTS,
            lambda one: (
                one.channel in {"", channel}
                and one.event in {"", event}
                and (one.name not in LIES or event == "price_change")
                and (not one.token or one.token in tokens)
            ),
        )
