"""What an order must know of its Polymarket market, out of ``/clob-markets/{condition}``; nothing of it is guessed.

What that reply leaves out is asked for elsewhere: negRisk of the token alone, the fees of Gamma. What is still missing
then refuses the order.

The names in the reply are short: ``c`` condition, ``t`` tokens, ``mts`` tick, ``mos`` least size of a resting order,
``nr`` negative risk, ``ao`` whether it takes orders, ``fd`` the taker's fee (null: none), ``v`` the protocol's version.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from market.fees import FeeError, PolymarketFees, polymarket_fees, rate_from_text
from protocol.units import DOLLAR, Price, Quantity, UnitError, price_from_dollars, quantity_from_text

TICKS: Final = frozenset(Price(tick) for tick in (1_000, 100, 50, 25, 10, 1))
"""0.1, 0.01, 0.005, 0.0025, 0.001 and 0.0001 dollar: there are no others."""

LEAST_DOLLARS: Final = 1
"""A marketable order of less is refused by the venue."""

_V2_MASK: Final = ((1 << 64) - 1) << 40
"""Bits that are zero in the position ids of protocol version 2, and hardly ever in a token of version 1."""

MAX_TOKENS: Final = 16

T = TypeVar("T")
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class MarketUnknown(ValueError):
    """A market of which something is missing that an order needs; names it. Nothing was sent."""


class MarketRules(msgspec.Struct, frozen=True):
    """A market as its orders need it. ``exchange`` says which of the venue's contracts settles them."""

    condition: str
    tokens: tuple[str, ...]
    tick: Price
    neg_risk: bool
    version: Literal["v1", "v2"]
    accepting: bool
    least_resting: Quantity
    fees: PolymarketFees

    @property
    def exchange(self) -> Literal["standard", "neg-risk", "v3"]:
        """The contract, by a word of ours."""
        if self.version == "v2":
            return "v3"
        return "neg-risk" if self.neg_risk else "standard"

    def floor(self, price: Price) -> Price | None:
        """The highest price on the tick that is not above this one, None where there is none."""
        tick = min(price, DOLLAR - self.tick) // self.tick * self.tick
        return Price(tick) if tick >= self.tick else None

    def ceil(self, price: Price) -> Price | None:
        """The lowest price on the tick that is not below this one, None where there is none."""
        tick = -(-max(price, self.tick) // self.tick) * self.tick
        return Price(tick) if tick <= DOLLAR - self.tick else None


class _Token(msgspec.Struct, gc=False):
    t: _Text
    o: str = ""


class _Fee(msgspec.Struct, gc=False):
    r: Decimal
    e: Decimal


class _Market(msgspec.Struct, gc=False):
    t: list[_Token]
    c: str | UnsetType = UNSET
    mts: Decimal | UnsetType = UNSET
    mos: Decimal | UnsetType = UNSET
    nr: bool | UnsetType = UNSET
    ao: bool | UnsetType = UNSET
    fd: _Fee | UnsetType | None = UNSET
    v: str | UnsetType = UNSET


class _Schedule(msgspec.Struct, gc=False):
    rate: Decimal
    exponent: Decimal = Decimal(1)


class _GammaMarket(msgspec.Struct, gc=False):
    conditionId: str  # noqa: N815 -- the venue's name
    feesEnabled: bool | None = None  # noqa: N815 -- the same
    feeSchedule: _Schedule | UnsetType | None = UNSET  # noqa: N815 -- the same


class _GammaPage(msgspec.Struct, gc=False):
    markets: list[_GammaMarket]


class _ByToken(msgspec.Struct, gc=False):
    condition_id: _Text


class _NegRisk(msgspec.Struct, gc=False):
    neg_risk: bool


_market: Final = msgspec.json.Decoder(_Market, strict=False)
_gamma: Final = msgspec.json.Decoder(_GammaPage, strict=False)
_by_token: Final = msgspec.json.Decoder(_ByToken)
_neg_risk: Final = msgspec.json.Decoder(_NegRisk)


def read_condition(body: bytes) -> str:
    """The market's condition, out of ``/markets-by-token/{token}``. Raises :class:`ValueError`."""
    return _by_token.decode(body).condition_id


def read_neg_risk(body: bytes) -> bool:
    """Out of ``/neg-risk?token_id=``. Raises :class:`ValueError`."""
    return _neg_risk.decode(body).neg_risk


def left_out(body: bytes) -> set[str]:
    """Which of ``nr`` and ``fd`` the reply does not have: they are asked for elsewhere. Raises :class:`ValueError`."""
    found = _market.decode(body)
    return {name for name, told in (("nr", found.nr), ("fd", found.fd)) if told is UNSET}


def read_gamma_fees(condition: str, body: bytes) -> PolymarketFees | None:
    """The fees of that market in a page of Gamma; None where it does not have the market. Raises."""
    row = next((one for one in _gamma.decode(body).markets if one.conditionId == condition), None)
    if row is None:
        return None
    if row.feesEnabled is False or row.feeSchedule is None:
        return _fees(None)
    schedule = _told(row.feeSchedule, "feeSchedule", "its fee schedule")
    return _fees(_Fee(schedule.rate, schedule.exponent))


def read_market(
    condition: str, token: str, body: bytes, *, neg_risk: bool | None = None, fees: PolymarketFees | None = None
) -> MarketRules:
    """The rules of the market that ``token`` belongs to.

    ``neg_risk`` and ``fees`` are what the venue said elsewhere. Raises :class:`MarketUnknown`, which names what is
    missing, and :class:`ValueError` for what makes no sense.
    """
    found = _market.decode(body)
    tokens = tuple(one.t for one in found.t)
    if found.c is not UNSET and found.c != condition:
        raise MarketUnknown(f"market: the venue told of {found.c[:80]} where {condition} was asked for")
    if token not in tokens or len(tokens) > MAX_TOKENS:
        raise MarketUnknown(f"market: {condition} does not have the token {token}")
    negative = neg_risk if found.nr is UNSET else found.nr
    if negative is None:
        raise MarketUnknown(_missing("nr", "whether it is a negRisk market"))
    if neg_risk is not None and negative is not neg_risk:
        raise MarketUnknown("market: the venue says both that it is a negRisk market and that it is none")
    return MarketRules(
        condition=condition,
        tokens=tokens,
        tick=_tick(found.mts),
        neg_risk=negative,
        version=_version(found.v, token),
        accepting=_told(found.ao, "ao", "whether it takes orders"),
        least_resting=quantity_from_text(_told(found.mos, "mos", "its least size")),
        fees=_fees(_told(found.fd, "fd", "its fee schedule")) if fees is None else fees,
    )


def is_v2(token: str) -> bool:
    """Whether the token is a position id of protocol version 2. Raises :class:`ValueError`."""
    return not int(token, 10) & _V2_MASK


def _missing(name: str, what: str) -> str:
    return f"market: the venue does not say {what} (`{name}`): no order is sent on a guess"


def _told(value: T | UnsetType, name: str, what: str) -> T:
    if value is UNSET:
        raise MarketUnknown(_missing(name, what))
    return value


def _tick(told: Decimal | UnsetType) -> Price:
    try:
        tick = price_from_dollars(_told(told, "mts", "its tick"))
    except UnitError as error:
        raise MarketUnknown(f"market: its tick makes no sense: {error}") from None
    if tick not in TICKS:
        raise MarketUnknown(f"market: {told} is a tick that this version does not know")
    return tick


def _version(told: str | UnsetType, token: str) -> Literal["v1", "v2"]:
    version = _told(told, "v", "its protocol version")
    if version not in {"v1", "v2"}:
        raise MarketUnknown(f"market: {version[:20]!r} is a protocol version that this one does not know")
    if is_v2(token) is not (version == "v2"):
        raise MarketUnknown(f"market: its version is {version}, and its token is one of another")
    return "v2" if version == "v2" else "v1"


def _fees(told: _Fee | None) -> PolymarketFees:
    if told is None:
        return polymarket_fees(0, 1)
    whole = told.e.is_finite() and told.e == int(told.e)
    if not whole:
        raise MarketUnknown(f"market: the exponent of its fees is a whole number, not {told.e}")
    try:
        return polymarket_fees(rate_from_text(told.r), int(told.e))
    except (FeeError, ArithmeticError) as error:
        raise MarketUnknown(f"market: its fee schedule makes no sense: {error}") from None
