"""Where Polymarket is: the real one, or one of your own (a rehearsal on this machine)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class PolymarketHosts:
    """Base addresses without a slash at their end: ``http(s)``, but ``ws(s)`` for the two of the sockets."""

    clob: str
    gamma: str
    data: str
    relayer: str
    rpc: str
    market_ws: str
    user_ws: str

    @classmethod
    def on_loopback(cls, port: int) -> PolymarketHosts:
        """Where `arb exchange polymarket` serves each of them."""
        http, ws = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
        return cls(
            clob=http,
            gamma=f"{http}/gamma",
            data=f"{http}/data-api",
            relayer=f"{http}/relayer",
            rpc=f"{http}/rpc",
            market_ws=f"{ws}/ws/market",
            user_ws=f"{ws}/ws/user",
        )


LIVE: Final = PolymarketHosts(
    clob="https://clob.polymarket.com",
    gamma="https://gamma-api.polymarket.com",
    data="https://data-api.polymarket.com",
    relayer="https://relayer-v2.polymarket.com",
    rpc="https://polygon.drpc.org",
    market_ws="wss://ws-subscriptions-clob.polymarket.com/ws/market",
    user_ws="wss://ws-subscriptions-clob.polymarket.com/ws/user",
)
