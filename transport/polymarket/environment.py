"""Polymarket's official client, pointed at hosts of our choice: the one place that reaches into its insides.

The client of 0.14.0 offers no public way to change a host. Its private `create_environment` is the only one, so it is
used here and nowhere else; ``tests/transport/polymarket/test_environment.py`` says whether it is still as we know it.
"""

from __future__ import annotations

from dataclasses import replace

from polymarket._internal.environment import PRODUCTION_CONFIG, create_environment
from polymarket.environments import Environment

from venues.polymarket.hosts import PolymarketHosts


def environment(hosts: PolymarketHosts, name: str = "arb") -> Environment:
    """The production environment with these hosts: contracts, chain and wallet derivation stay as they are.

    Raises ``TypeError`` where the client is another than the pinned one and its insides have moved.
    """
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
