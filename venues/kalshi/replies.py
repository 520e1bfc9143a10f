"""What an answer to our order proves, which is often nothing: then the order is looked up.

Proof that an order is not there is a refusal that Kalshi itself wrote (a status of :data:`REFUSING` with its error
object), and 429, which comes before the matching. Everything else that is no readable 2xx may have filled.

So is a 409 of a pause. Kalshi's documents say that in a pause no order is placed, but neither its specification nor
they name a code for it (``trading_is_paused`` and ``exchange_is_paused`` were seen in the wild, ``market_paused`` and
``market_closed`` are of our loopback alone), nor that it is looked at before a client order id is. A look-up costs
some seconds in which nothing can be traded anyway; a refusal believed in error costs a leg.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Final

import msgspec

from protocol.leg import Leg
from protocol.outcome import Outcome, believable
from protocol.terms import Side, Status
from protocol.units import USD, Money, Quantity, UnitError, quantity_from_text

ALREADY_EXISTS: Final = "order_already_exists"
KILLED: Final = "fill_or_kill_insufficient_resting_volume"
CLOCK: Final = "header_timestamp_expired"

REFUSING: Final = frozenset({400, 401, 403, 404, 410, 422})
"""Statuses after which there is no order, where the body is Kalshi's own error."""

TOO_MANY: Final = 429
CONFLICT: Final = 409
_OK: Final = range(200, 300)

_UNFUNDED: Final = "also said where the market's shard holds no cash: see `arb doctor kalshi`"
HINTS: Final[Mapping[str, str]] = {
    CLOCK: "this machine's clock is off: set it by NTP; no order leaves before it is right",
    "insufficient_balance": "the cash must be on the market's own shard: see `arb doctor kalshi`",
    "market_not_found": _UNFUNDED,
    "user_not_found": _UNFUNDED,
}
"""What helps, by error code."""

UNREADABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError)
"""What reading a body may raise: it is not what the venue's documents say."""

_MAX_WORDS: Final = 200
_MAX_NUMBER: Final = 40
_MAX_DOLLARS: Final = 1_000_000
_MICRO: Final = Decimal(10_000)


class _Error(msgspec.Struct, gc=False):
    code: str | int | None = None
    message: str | None = None
    details: str | None = None


class _Errors(msgspec.Struct, gc=False):
    error: _Error | str | None = None
    code: str | int | None = None
    message: str | None = None
    details: str | None = None


class _Created(msgspec.Struct, gc=False):
    order_id: str
    fill_count: str
    remaining_count: str
    client_order_id: str | None = None
    average_fill_price: str | None = None
    average_fee_paid: str | None = None
    ts_ms: int | None = None


_errors: Final = msgspec.json.Decoder(_Errors)
_created: Final = msgspec.json.Decoder(_Created)


class Refusal(msgspec.Struct, frozen=True):
    """An error as Kalshi tells it."""

    code: str
    words: str

    def __str__(self) -> str:
        """For people: the code, its words, and what helps."""
        return ": ".join(part for part in (self.code, self.words, HINTS.get(self.code, "")) if part)


class OrderReply(msgspec.Struct, frozen=True):
    """What became of the order as far as the answer tells, the code of an error, and the venue's time."""

    outcome: Outcome
    code: str | None = None
    ts_ms: int | None = None


def read_error(body: bytes) -> Refusal | None:
    """The error in a body, flat or inside ``error``; None where there is none to read."""
    try:
        found = _errors.decode(body)
    except UNREADABLE:
        return None
    inner = found.error if isinstance(found.error, _Error) else _Error(found.code, found.message, found.details)
    code = found.error if isinstance(found.error, str) else inner.code
    if code is None or code == "":
        return None
    words = "; ".join(_plain(part) for part in (inner.message, inner.details) if part)
    return Refusal(_plain(str(code)), words)


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text[:_MAX_WORDS])


def unknown(leg: Leg, why: str) -> Outcome:
    """Nobody knows what became of it."""
    return Outcome(leg_id=leg.leg_id, status=Status.UNKNOWN, error=f"unknown: {why}", final=False)


def rejected(leg: Leg, why: str) -> Outcome:
    """It is certain that there is no order."""
    return Outcome(leg_id=leg.leg_id, status=Status.REJECTED, error=why)


def read_order_reply(leg: Leg, status: int, body: bytes) -> OrderReply:
    """The answer to the leg's ``POST``. What was filled is final only when its fills have been read."""
    if status in _OK:
        return _read_created(leg, status, body)
    refusal = read_error(body)
    code = None if refusal is None else refusal.code
    if status == TOO_MANY:
        return OrderReply(rejected(leg, f"429: too many requests: {refusal or 'slow down'}"), code)
    if refusal is not None and status in REFUSING:
        return OrderReply(rejected(leg, f"kalshi refuses it ({status}): {refusal}"), code)
    if status == CONFLICT and code == KILLED:
        return OrderReply(Outcome(leg_id=leg.leg_id, status=Status.UNFILLED, error=f"killed: {refusal}"), code)
    return OrderReply(unknown(leg, f"kalshi answered {status} ({refusal or 'no error that can be read'})"), code)


def _read_created(leg: Leg, status: int, body: bytes) -> OrderReply:
    try:
        created = _created.decode(body)
        filled, remaining = quantity_from_text(created.fill_count), quantity_from_text(created.remaining_count)
        cost, fees = _averages(leg, created, filled)
    except UNREADABLE as error:
        return OrderReply(unknown(leg, f"kalshi answered {status} with what cannot be read: {_plain(str(error))}"))
    why = None
    if created.client_order_id not in {None, "", leg.leg_id}:
        why = "the answer is about another order"
    elif filled < 0 or remaining != 0:
        why = f"filled {created.fill_count}, remaining {created.remaining_count}: no immediate order ends like that"
    if why is not None:
        held = msgspec.structs.replace(unknown(leg, why), order_id=created.order_id)
        return OrderReply(held, ts_ms=created.ts_ms)
    outcome = Outcome(
        leg_id=leg.leg_id,
        status=fill_status(leg, filled),
        filled=filled,
        cost=cost,
        fees=fees,
        order_id=created.order_id,
        error=None if filled else "nothing to take at the limit",
        final=filled == 0,
    )
    return OrderReply(believable(outcome), ts_ms=created.ts_ms)


def fill_status(leg: Leg, filled: Quantity) -> Status:
    """What an immediate order is called that has filled so much and is over."""
    if filled <= 0:
        return Status.UNFILLED
    return Status.FILLED if filled >= leg.quantity else Status.PARTIAL


def _averages(leg: Leg, created: _Created, filled: Quantity) -> tuple[Money, Money]:
    """Cost and fees after the averages of the answer, which are rounded; the price is one of the YES book."""
    if not filled:
        return Money(0), Money(0)
    if created.average_fill_price is None:
        raise UnitError("a fill without its average price")
    cost = product(created.average_fill_price, filled)
    if leg.side is Side.NO:
        cost = Money(filled * (USD // 100) - cost)
    fees = product(created.average_fee_paid, filled) if created.average_fee_paid is not None else Money(0)
    return cost, fees


def product(price: str, quantity: Quantity) -> Money:
    """A price in dollars, of any number of decimals, times a quantity; rounded half-even to the micro-dollar."""
    try:
        number = Decimal(price[:_MAX_NUMBER])
    except InvalidOperation:
        raise UnitError(f"{_plain(price)!r} is no number") from None
    if not number.is_finite() or abs(number) > _MAX_DOLLARS:
        raise UnitError(f"{_plain(price)!r} is no amount in dollars")
    return Money(int((number * quantity * _MICRO).quantize(Decimal(1), ROUND_HALF_EVEN)))
