"""The official client's insides are as we know them, and every host that we use is changed."""

from __future__ import annotations

from importlib.metadata import version

from polymarket._internal.environment import PRODUCTION_CONFIG, get_environment_config

from transport.polymarket.environment import environment
from venues.polymarket.exchange import contracts
from venues.polymarket.exchange.wallets import WalletKind, wallets_of
from venues.polymarket.hosts import LIVE, PolymarketHosts


def test_the_client_is_the_one_whose_insides_we_know() -> None:
    assert version("polymarket-client") == "0.14.0"


def test_the_hosts_are_ours_and_all_else_is_as_it_was() -> None:
    config = get_environment_config(environment(PolymarketHosts.on_loopback(9004)))
    assert (config.clob_url, config.gamma_url) == ("http://127.0.0.1:9004", "http://127.0.0.1:9004/gamma")
    assert config.clob_user_ws_url == "ws://127.0.0.1:9004/ws/user"
    assert config.wallet_derivation == PRODUCTION_CONFIG.wallet_derivation
    assert get_environment_config(environment(LIVE)) == PRODUCTION_CONFIG


def test_contracts_and_wallets_are_those_of_the_client() -> None:
    config = PRODUCTION_CONFIG
    assert (config.standard_exchange, config.neg_risk_exchange, config.exchange_v3, config.chain_id) == (
        contracts.EXCHANGE,
        contracts.NEG_RISK_EXCHANGE,
        contracts.EXCHANGE_V3,
        contracts.CHAIN_ID,
    )
    assert wallets_of("0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A", WalletKind.SAFE) == (
        "0x75F00B003FBBBA193FABEB06284c3187a4C1232E",
    )
