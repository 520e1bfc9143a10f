"""The body of an order, read and judged as far as that needs no market."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, TypeVar

import msgspec

from market.matching.order import SelfTrade, TimeInForce
from protocol.units import MAX_QUANTITY, Price, Quantity, price_from_dollars
from venues.kalshi.exchange.refusal import Refusal, invalid

_T = TypeVar("_T")

MAX_CLIENT_ORDER_ID: Final = 64
AUTO: Final = -1
"""The ``exchange_index`` that asks for routing by ticker."""

_CLIENT_ORDER_ID: Final = re.compile(r"[\w\-:+=/]{1,64}", re.ASCII)
_COUNT: Final = re.compile(r"\d{1,12}(\.\d{0,2})?", re.ASCII)
_PRICE: Final = re.compile(r"\d(\.\d{1,4})?", re.ASCII)


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """``POST /portfolio/events/orders``, field by field as the specification has them."""

    ticker: str
    side: Literal["bid", "ask"]
    count: str
    price: str
    time_in_force: TimeInForce
    self_trade_prevention_type: SelfTrade
    client_order_id: str = ""
    expiration_time: int | None = None
    post_only: bool = False
    reduce_only: bool = False
    cancel_order_on_pause: bool = False
    subaccount: Annotated[int, msgspec.Meta(ge=0, le=63)] = 0
    order_group_id: str | None = None
    exchange_index: int | None = None

    @property
    def is_bid(self) -> bool:
        """Whether it buys YES."""
        return self.side == "bid"

    def check(self, now_s: int) -> tuple[Price, Quantity]:
        """Price and quantity. Raises :class:`Refusal`."""
        if self.client_order_id and not _CLIENT_ORDER_ID.fullmatch(self.client_order_id):
            raise invalid(f"client_order_id: at most {MAX_CLIENT_ORDER_ID} of letters, digits and _-:+=/")
        resting = self.time_in_force is TimeInForce.GOOD_TILL_CANCELED
        if self.reduce_only and self.time_in_force is not TimeInForce.IMMEDIATE_OR_CANCEL:
            raise invalid("reduce_only: only with time_in_force immediate_or_cancel")
        if self.post_only and not resting:
            raise invalid("post_only: only with time_in_force good_till_canceled")
        if self.expiration_time is not None and (not resting or self.expiration_time <= now_s):
            raise invalid("expiration_time: only with good_till_canceled, and in the future")
        if self.subaccount:
            raise invalid(f"subaccount: {self.subaccount} does not exist")
        return price_of(self.price), count_of(self.count)


class BatchRequest(msgspec.Struct):
    """``POST /portfolio/events/orders/batched``."""

    orders: Annotated[list[OrderRequest], msgspec.Meta(min_length=1, max_length=20)]


class CancelRequest(msgspec.Struct):
    """One order of ``DELETE /portfolio/events/orders/batched``."""

    order_id: str
    subaccount: int = 0
    exchange_index: int | None = None
    market_ticker: str = ""


class BatchCancelRequest(msgspec.Struct):
    """``DELETE /portfolio/events/orders/batched``."""

    orders: Annotated[list[CancelRequest], msgspec.Meta(min_length=1, max_length=100)]


class DecreaseRequest(msgspec.Struct):
    """``POST /portfolio/events/orders/{id}/decrease``."""

    reduce_by: str | None = None
    reduce_to: str | None = None
    exchange_index: int | None = None
    market_ticker: str = ""


class TransferRequest(msgspec.Struct):
    """``POST /portfolio/intra_exchange_instance_transfer``; ``amount`` in hundredths of a cent."""

    source: Literal["event_contract"]
    destination: Literal["event_contract"]
    amount: Annotated[int, msgspec.Meta(gt=0, le=10**15)]
    source_exchange_shard: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    destination_exchange_shard: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    client_transfer_id: str = ""


def price_of(text: str) -> Price:
    """A price as requests write it: dollars, 4 decimals at most. Raises :class:`Refusal`."""
    if not _PRICE.fullmatch(text):
        raise Refusal(400, "invalid_price", details=f"price: dollars with at most 4 decimals, not {text[:40]!r}")
    return price_from_dollars(text)


def count_of(text: str) -> Quantity:
    """A count as requests write it: contracts, 2 decimals at most, above 0. Raises :class:`Refusal`."""
    if not _COUNT.fullmatch(text):
        raise invalid(f"count: contracts with at most 2 decimals, not {text[:40]!r}")
    whole, _, rest = text.partition(".")
    quantity = int(whole) * 100 + int(rest.ljust(2, "0"))
    if not 0 < quantity <= MAX_QUANTITY:
        raise invalid(f"count: 0.01 to {MAX_QUANTITY // 100} contracts, not {text}")
    return Quantity(quantity)


def read(text: bytes, kind: type[_T]) -> _T:
    """A body as ``kind``. Raises :class:`Refusal`."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise invalid(str(error)[:300]) from None
