"""Polymarket's official client as we use it: it makes and signs orders, and never speaks to anybody.

``create_market_order`` is public. What is not: how a client is made without a network, which wallets a key leads to,
and where it keeps what it knows of markets. All of that is reached for here and in ``environment.py`` and nowhere
else; ``tests/transport/polymarket/test_official.py`` says whether it is still as we know it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal, cast

from polymarket._internal.actions.orders.market_data import MarketInfo, PlatformFeeInfo
from polymarket._internal.context import SyncSecureClientContext
from polymarket._internal.environment import EnvironmentConfig, get_environment_config
from polymarket._internal.wallet import (
    WalletType,
    derive_beacon_deposit_wallet_address,
    derive_proxy_wallet_address,
    derive_safe_wallet_address,
    derive_uups_deposit_wallet_address,
    signature_type_for,
)
from polymarket.clients.secure import _CREATE_TOKEN, SecureClient
from polymarket.errors import PolymarketError
from polymarket.models.clob import ApiKeyCreds
from polymarket.models.clob.orders import SignedOrder
from polymarket.types import EvmAddress

from protocol.units import DOLLAR
from transport.polymarket.environment import environment
from transport.polymarket.wallet_key import WalletKey
from venues.polymarket.hosts import LIVE, PolymarketHosts
from venues.polymarket.market import MarketRules
from venues.polymarket.order_hash import order_hash
from venues.polymarket.orders import ORDER_TYPE, OrderPlan, OrderRefused, SignedFields, order_body
from venues.polymarket.signing import ApiCredentials

Kind = Literal["eoa", "proxy", "safe", "deposit"]

WALLET_TYPES: Final[dict[Kind, WalletType]] = {
    "eoa": "EOA",
    "proxy": "POLY_PROXY",
    "safe": "GNOSIS_SAFE",
    "deposit": "DEPOSIT_WALLET",
}

_RATE_UNIT: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Wallet:
    """Whose money it is: the address, and how orders of it are signed."""

    kind: Kind
    address: str

    @property
    def signature_type(self) -> int:
        """As the venue numbers the kinds: 0 to 3."""
        return signature_type_for(WALLET_TYPES[self.kind])


@dataclass(frozen=True, slots=True)
class SignedBytes:
    """An order ready to leave: what is posted, and the id that it will have."""

    order_id: str
    body: bytes


def wallets_of(signer: str) -> dict[Kind, tuple[str, ...]]:
    """The addresses of each kind that belong to this signer; the present form of each first."""
    known = config_of(LIVE).wallet_derivation
    return {
        "eoa": (signer,),
        "proxy": (derive_proxy_wallet_address(signer, known),),
        "safe": (derive_safe_wallet_address(signer, known),),
        "deposit": (
            derive_beacon_deposit_wallet_address(signer, known),
            derive_uups_deposit_wallet_address(signer, known),
        ),
    }


def config_of(hosts: PolymarketHosts) -> EnvironmentConfig:
    """The contracts and the chain."""
    return get_environment_config(environment(hosts))


class OrderMaker:
    """Makes and signs orders, at once and offline."""

    def __init__(self, key: WalletKey, wallet: Wallet, credentials: ApiCredentials, hosts: PolymarketHosts) -> None:
        """Speaks to nobody."""
        self._config = config_of(hosts)
        self._owner = credentials.key
        self._known = _Known()
        # `SecureClient.create` talks to the venue, and may deploy a wallet. This one has no way to talk to anybody.
        silent: Any = None
        context = SyncSecureClientContext(
            environment=environment(hosts),
            gamma=silent,
            data=silent,
            rfq=silent,
            clob=silent,
            signer=key.account,
            credentials=ApiKeyCreds(key=credentials.key, secret=credentials.secret, passphrase=credentials.passphrase),
            secure_clob=silent,
            wallet=EvmAddress(wallet.address),
            wallet_type=WALLET_TYPES[wallet.kind],
            signer_type="OWNER",
            relayer=silent,
            combos=silent,
            builder_gateway=silent,
            api_key=None,
            rpc=silent,
            order_metadata=cast("Any", self._known),
        )
        self._client = SecureClient(ctx=context, _create_token=_CREATE_TOKEN)

    def exchange_of(self, rules: MarketRules) -> str:
        """The contract that settles the market's trades."""
        match rules.exchange:
            case "standard":
                return self._config.standard_exchange
            case "neg-risk":
                return self._config.neg_risk_exchange
            case "v3":
                return self._config.exchange_v3

    def make(self, plan: OrderPlan, rules: MarketRules) -> SignedBytes:
        """The signed order. Raises :class:`OrderRefused` where the client does not take it."""
        self._known.info = _info(rules)
        try:
            made = self._signed(plan)
        except PolymarketError as error:
            raise OrderRefused(f"order: the official client does not make it: {error}") from None
        signed = SignedFields(**{name: getattr(made, name) for name in SignedFields.__struct_fields__})
        contract = self.exchange_of(rules)
        version: Literal["2", "3"] = "3" if rules.version == "v2" else "2"
        order_id = order_hash(signed, contract=contract, version=version, chain_id=self._config.chain_id)
        return SignedBytes(order_id, order_body(signed, self._owner))

    def _signed(self, plan: OrderPlan) -> SignedOrder:
        if plan.side == "BUY":
            return self._client.create_market_order(
                asset_id=plan.token, side="BUY", amount=plan.amount, max_price=plan.limit, order_type=ORDER_TYPE
            )
        return self._client.create_market_order(
            asset_id=plan.token, side="SELL", shares=plan.amount, min_price=plan.limit, order_type=ORDER_TYPE
        )


class _Known:
    """Stands where the client keeps its markets: the one that is asked for now, by our own rules."""

    info: MarketInfo

    def resolve_market(self, _context: object, *, token_id: str) -> MarketInfo:  # noqa: ARG002 -- there is one
        return self.info

    def fetch_current_market(self, _context: object, *, token_id: str) -> MarketInfo:  # noqa: ARG002 -- the same
        return self.info

    def resolve_builder_taker_fee_rate(self, _context: object, *, builder_code: object) -> Decimal:  # noqa: ARG002 -- no builder
        return Decimal(0)


def _info(rules: MarketRules) -> MarketInfo:
    return MarketInfo(
        fee_info=PlatformFeeInfo(Decimal(rules.fees.rate_ppm) / _RATE_UNIT, Decimal(rules.fees.exponent)),
        neg_risk=rules.neg_risk,
        tick_size=Decimal(rules.tick) / DOLLAR,
        token_ids=frozenset(cast("Any", rules.tokens)),
    )
