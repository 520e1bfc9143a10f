"""Polymarket's official client, pointed somewhere else than at Polymarket: the one place that reaches into its insides.

The client of 0.14.0 offers no public way to change a host. Its private `create_environment` is the only one, so it is
used here and nowhere else; ``tests/transport/polymarket/test_environment.py`` says whether it is still as we know it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polymarket.environments import Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class PolymarketHosts:
    """Base addresses without a slash at their end: ``http(s)`` but for the last two, which are ``ws(s)``."""

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


def environment(hosts: PolymarketHosts, name: str = "arb") -> Environment:
    """The production environment with these hosts: contracts, chain and wallet derivation stay as they are.

    Raises ``ImportError`` or ``TypeError`` where the client is another than the pinned one: its insides have moved.
    """
    from polymarket._internal.environment import PRODUCTION_CONFIG, create_environment

    config = replace(
        PRODUCTION_CONFIG,
        clob_url=hosts.clob,
        gamma_url=hosts.gamma,
        data_url=hosts.data,
        relayer_url=hosts.relayer,
        rpc_url=hosts.rpc,
        clob_market_ws_url=hosts.market_ws,
        clob_user_ws_url=hosts.user_ws,
    )
    return create_environment(name=name, config=config)
