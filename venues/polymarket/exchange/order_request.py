"""An order as it is posted, read and held against the rules of its market."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec

from protocol.units import DOLLAR, Money, Price
from venues.polymarket.exchange.amounts import CENT_MONEY, HUNDREDTH, MOST, Shares, amount_text, price_text
from venues.polymarket.exchange.eip712 import (
    ORDER_TYPE,
    BadSignature,
    address_word,
    keccak,
    number_word,
    text_word,
    word,
)
from venues.polymarket.exchange.market import Market
from venues.polymarket.exchange.order import OrderType, Side
from venues.polymarket.exchange.refusal import BAD_EXPIRATION, Refusal, invalid
from venues.polymarket.exchange.wallets import WalletKind

AHEAD_S: Final = 180
"""How far ahead a GTD order must expire."""

AMOUNT_DECIMALS: Final = {1000: 3, 100: 4, 50: 5, 25: 6, 10: 5, 1: 6}
"""Decimals of an order's dollars (shares, where a buy names the dollars), by tick."""

_DECIMALS: Final = 6
_ROUNDED: Final = 100
_Digits = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,78}$")]
_Hex = Annotated[str, msgspec.Meta(max_length=4096)]


class SignedOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What was signed, its signature, and ``expiration``, which is not signed."""

    salt: int
    maker: _Hex
    signer: _Hex
    token_id: _Digits
    maker_amount: _Digits
    taker_amount: _Digits
    side: Side
    signature_type: Annotated[int, msgspec.Meta(ge=0, le=3)]
    timestamp: _Digits
    metadata: _Hex
    builder: _Hex
    signature: _Hex
    expiration: _Digits = "0"

    def contents(self) -> bytes:
        """The hash of the order as a struct. Raises :class:`BadSignature`."""
        return keccak(
            text_word(ORDER_TYPE)
            + number_word(self.salt)
            + address_word(self.maker)
            + address_word(self.signer)
            + number_word(int(self.token_id))
            + number_word(int(self.maker_amount))
            + number_word(int(self.taker_amount))
            + number_word(0 if self.side == "BUY" else 1)
            + number_word(self.signature_type)
            + number_word(int(self.timestamp))
            + word(self.metadata)
            + word(self.builder)
        )

    @property
    def kind(self) -> WalletKind:
        """The wallet's kind."""
        return WalletKind(self.signature_type)


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of ``POST /order``."""

    order: SignedOrder
    owner: str
    order_type: OrderType = "GTC"
    post_only: bool = False
    defer_exec: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What an order wants: ``price`` its limit in its token's prices, ``amount`` the dollars of one that names them."""

    price: Price
    size: Shares
    amount: Money | None
    expires_s: int


ORDERS: Final = msgspec.json.Decoder(OrderRequest)
BATCHES: Final = msgspec.json.Decoder(list[OrderRequest])


def terms_of(request: OrderRequest, market: Market, now_us: int) -> Terms:
    """The order's terms, as the market allows them. Raises :class:`Refusal` 400."""
    signed = request.order
    making, taking = int(signed.maker_amount), int(signed.taker_amount)
    if not (0 < making <= MOST and 0 < taking <= MOST):
        raise invalid("invalid amounts, maker and taker amount must be higher than 0")
    expires_s = int(signed.expiration)
    if (request.order_type == "GTD") != (expires_s > 0) or (expires_s and expires_s < now_us // 10**6 + AHEAD_S):
        raise invalid(BAD_EXPIRATION)
    if request.post_only and request.order_type not in {"GTC", "GTD"}:
        raise invalid("invalid post-only order: only GTC and GTD orders can be post-only")
    dollars, shares = (making, taking) if signed.side == "BUY" else (taking, making)
    _check_decimals(request, market, dollars, shares)
    if request.order_type in {"FOK", "FAK"}:
        price = _limit(dollars, shares, market, buys=signed.side == "BUY")
        amount = Money(dollars) if signed.side == "BUY" else None
        return Terms(price, Shares(shares), amount, 0)
    exact, rest = divmod(dollars * DOLLAR, shares)
    if rest or exact % market.tick:
        raise _off_tick(dollars, shares, market.tick)
    _check_price(Price(exact), market)
    if shares < market.listing.least:
        least = amount_text(market.listing.least)
        raise invalid(f"order is invalid. Size ({amount_text(shares)}) lower than the minimum: {least}")
    return Terms(Price(exact), Shares(shares), None, expires_s)


def below_minimum(dollars: int, side: Literal["BUY", "SELL"]) -> Refusal:
    """An order that would trade at once for less than a dollar."""
    return invalid(f"invalid amount for a marketable {side} order (${amount_text(dollars)}), min size: $1")


def _limit(dollars: int, shares: int, market: Market, *, buys: bool) -> Price:
    """The worst tick that the amounts allow. Rounded as they are, they may be a hundredth of a tick off their price.

    Whoever rounded them against the maker gets nothing at that price itself: the contract would not settle it.
    """
    tick = market.tick
    meant = Price((2 * dollars * DOLLAR + tick * shares) // (2 * tick * shares) * tick)
    off = dollars * DOLLAR - meant * shares
    if abs(off) * _ROUNDED > tick * shares:
        raise _off_tick(dollars, shares, tick)
    _check_price(meant, market)
    if buys:
        return meant if off >= 0 else Price(meant - tick)
    return meant if off <= 0 else Price(meant + tick)


def _off_tick(dollars: int, shares: int, tick: Price) -> Refusal:
    price = f"{Decimal(dollars) / shares:.6f}"
    return invalid(f"order is invalid. Price ({price}) breaks minimum tick size rule: {price_text(tick)}")


def _check_price(price: Price, market: Market) -> None:
    if not market.tick <= price <= DOLLAR - market.tick:
        least, most = price_text(market.tick), price_text(DOLLAR - market.tick)
        raise invalid(f"invalid price ({price_text(price)}), min: {least} - max: {most}")


def _check_decimals(request: OrderRequest, market: Market, dollars: int, shares: int) -> None:
    """Shares have 2 decimals and dollars what the tick asks for; where a buy names the dollars it is the other way."""
    places = AMOUNT_DECIMALS[market.tick]
    step = 10 ** (_DECIMALS - places)
    at_once = request.order_type in {"FOK", "FAK"}
    if at_once and request.order.side == "BUY":
        bad = dollars % CENT_MONEY or shares % step
        what = "the market buy orders maker amount"
    else:
        bad = shares % HUNDREDTH or dollars % step
        what = "the sell orders maker amount" if request.order.side == "SELL" else "the buy orders taker amount"
    if bad:
        other = "taker amount" if what.endswith("maker amount") else "maker amount"
        raise invalid(
            f"invalid amounts, {what} supports a max accuracy of 2 decimals, {other} a max of {places} decimals"
        )


def signature_problem(error: BadSignature) -> Refusal:
    """400 for what is no signature."""
    return invalid(f"invalid signature: {error}")
