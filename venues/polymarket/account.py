"""Orders, trades, positions and balances as Polymarket lists them; what makes no sense raises, and is no answer.

Unknown fields and words are let be. Two spellings of a status exist: ``TRADE_STATUS_CONFIRMED`` in lists, ``CONFIRMED``
on the socket.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Final

import msgspec

from protocol.units import DOLLAR, USD, Money, Price, UnitError, price_from_dollars
from venues.polymarket.replies import MICRO, millionths

END: Final = "LTE="
"""The cursor after the last page."""

CONFIRMED: Final = "CONFIRMED"
FAILED: Final = "FAILED"
TERMINAL: Final = frozenset({CONFIRMED, FAILED})

OVER: Final = frozenset({"MATCHED", "CANCELED", "CANCELLED", "EXPIRED", "INVALID"})
"""Statuses of an order of which nothing is in the book any more; so are all that begin with ``CANCELED_``."""

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Order(msgspec.Struct, frozen=True, gc=False):
    """One order of ours."""

    id: _Id
    asset_id: str
    side: str
    status: str
    original_size: Any
    size_matched: Any
    price: Any = "0"
    market: str = ""
    associate_trades: tuple[str, ...] | None = None
    created_at: int | str | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more can come of it."""
        word = _word(self.status, "ORDER_STATUS_")
        return word in OVER or word.startswith(("CANCELED_", "CANCELLED_"))

    @property
    def word(self) -> str:
        """The status, for people."""
        return _word(self.status, "ORDER_STATUS_")[:40]

    @property
    def matched(self) -> int:
        """Millionths of a share. Raises :class:`ValueError`."""
        return millionths(self.size_matched)

    @property
    def left(self) -> int:
        """The same of what is not matched."""
        return 0 if self.over else max(0, millionths(self.original_size) - self.matched)

    @property
    def unix_us(self) -> int:
        """When it was made; 0 where nothing says it."""
        return _unix_us(self.created_at)


class MakerOrder(msgspec.Struct, frozen=True, gc=False):
    """An order of the book that a trade met."""

    order_id: str
    matched_amount: Any
    price: Any
    asset_id: str = ""


class Trade(msgspec.Struct, frozen=True, gc=False):
    """One trade of ours, on its way into the chain."""

    id: _Id
    taker_order_id: str
    asset_id: str
    side: str
    size: Any
    price: Any
    status: str
    market: str = ""
    trader_side: str = "TAKER"
    match_time: int | str | None = None
    maker_orders: tuple[MakerOrder, ...] | None = None

    @property
    def word(self) -> str:
        """The status, without what lists put before it."""
        return _word(self.status, "TRADE_STATUS_")

    @property
    def shares(self) -> int:
        """Millionths of a share. Raises :class:`ValueError`."""
        return millionths(self.size)

    @property
    def unix_us(self) -> int:
        """When it matched; 0 where nothing says it."""
        return _unix_us(self.match_time)

    def parts(self) -> list[tuple[Price, int]]:
        """Price and millionths of a share of each order that it met; the trade's own where they do not add up.

        An order of the other outcome pays the rest of the dollar.
        """
        met = [(_price(one, self.asset_id), millionths(one.matched_amount)) for one in self.maker_orders or ()]
        if met and sum(shares for _, shares in met) == self.shares:
            return met
        return [(_rounded(self.price), self.shares)]

    def dollars(self, *, buys: bool) -> Money:
        """What it costs or brings without fees; of each order that it met a part of a micro-dollar against us."""
        exact = [price * shares for price, shares in self.parts()]
        return Money(sum(-(-one // DOLLAR) if buys else one // DOLLAR for one in exact))


class Position(msgspec.Struct, frozen=True, gc=False):
    """Shares of one token, as the data API tells them."""

    asset: _Id
    size: Decimal
    outcomeIndex: int = 0  # noqa: N815 -- the venue's name
    conditionId: str = ""  # noqa: N815 -- the same


class BalanceAllowance(msgspec.Struct, frozen=True, gc=False):
    """Millionths of a dollar or share, and how much of them each contract may take."""

    balance: str | int
    allowances: dict[str, str | int] = {}

    @property
    def amount(self) -> int:
        """Raises :class:`ValueError`."""
        return int(self.balance)

    def allowed(self, contract: str) -> int:
        """What the contract may take; 0 where it is not told. Raises :class:`ValueError`."""
        told = (value for name, value in self.allowances.items() if name.lower() == contract.lower())
        return int(next(told, 0))


class _Page(msgspec.Struct, gc=False):
    data: list[msgspec.Raw] | None
    next_cursor: str | None = None


class _Key(msgspec.Struct, gc=False):
    apiKey: _Id  # noqa: N815 -- the venue's name
    secret: _Id
    passphrase: _Id


class _Beat(msgspec.Struct, gc=False):
    heartbeat_id: str


_order: Final = msgspec.json.Decoder(Order | None, float_hook=Decimal)
_one_order: Final = msgspec.json.Decoder(Order, float_hook=Decimal)
_trade: Final = msgspec.json.Decoder(Trade, float_hook=Decimal)
_page: Final = msgspec.json.Decoder(_Page)
_positions: Final = msgspec.json.Decoder(list[Position])
_balance: Final = msgspec.json.Decoder(BalanceAllowance)
_key: Final = msgspec.json.Decoder(_Key)
_beat: Final = msgspec.json.Decoder(_Beat)


def read_order(body: bytes) -> Order | None:
    """One order by its id; None for ``null``, which proves nothing. Raises."""
    order = _order.decode(body)
    return None if order is None else _sane(order)


def read_orders(body: bytes) -> tuple[list[Order], str]:
    """A page of open orders, and the next cursor, empty after the last. Raises."""
    page = _page.decode(body)
    return [_sane(_one_order.decode(raw)) for raw in page.data or ()], _next(page)


def read_trades(body: bytes) -> tuple[list[Trade], str]:
    """A page of trades. Raises."""
    page = _page.decode(body)
    trades = [_trade.decode(raw) for raw in page.data or ()]
    for trade in trades:
        _ = trade.parts(), trade.unix_us
    return trades, _next(page)


def read_positions(body: bytes) -> list[Position]:
    """A page of positions of the data API. Raises."""
    return _positions.decode(body)


def read_balance(body: bytes) -> BalanceAllowance:
    """Balance and allowances of one asset, checked. Raises."""
    found = _balance.decode(body)
    _ = found.amount, [int(value) for value in found.allowances.values()]
    return found


def read_api_key(body: bytes) -> tuple[str, str, str]:
    """Key, secret and passphrase. Raises without a word of them."""
    try:
        found = _key.decode(body)
    except (msgspec.MsgspecError, ValueError):
        raise ValueError("the reply holds no API key") from None
    return found.apiKey, found.secret, found.passphrase


def read_heartbeat(body: bytes) -> str:
    """The id that the next heartbeat must carry. Raises."""
    return _beat.decode(body).heartbeat_id


def read_time(body: bytes) -> int:
    """Unix seconds. Raises."""
    return int(body)


def _next(page: _Page) -> str:
    return "" if page.next_cursor in {None, "", END} else str(page.next_cursor)


def _sane(order: Order) -> Order:
    _ = order.matched, order.left, order.unix_us
    return order


def _word(status: str, prefix: str) -> str:
    return status.upper().removeprefix(prefix)


def _price(maker: MakerOrder, asset_id: str) -> Price:
    price = _rounded(maker.price)
    return price if maker.asset_id in {"", asset_id} else Price(DOLLAR - price)


def _rounded(text: object) -> Price:
    """A price of the book; one with more decimals is an average, and is rounded to our unit."""
    exact = Decimal(str(text)[:40])
    try:
        price = price_from_dollars(exact)
    except UnitError:
        price = Price(int((exact * DOLLAR).to_integral_value()))
    if not 0 < price < DOLLAR:
        raise UnitError(f"a price is above 0 and below 1 dollar, not {str(text)[:40]!r}")
    return price


def _unix_us(told: int | str | None) -> int:
    """Unix seconds or milliseconds. Raises :class:`ValueError` for what is no number."""
    if told in {None, ""}:
        return 0
    number = int(str(told))
    return number * (MICRO if number < USD * 100_000 else MICRO // 1_000)
