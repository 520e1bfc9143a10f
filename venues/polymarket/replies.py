"""What an answer to our order proves, which is often nothing: then the order is looked up by its hash.

Proof that there is no order is a refusal that Polymarket itself wrote: a status of :data:`REFUSING` with its words, a
200 that carries an ``errorMsg``, and 429, which comes before the matching. Proof of a fill is ``matched`` with both
amounts. All else may have filled, or may fill yet: ``live``, ``delayed``, ``unmatched``, an engine that restarts (425),
any 5xx, an answer that contradicts itself, and *Duplicated*, which says that an earlier attempt may have landed.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from protocol.leg import Leg
from protocol.outcome import Outcome, believable
from protocol.terms import Action, Status
from protocol.units import CONTRACT, Money, Quantity

OK: Final = 200
TOO_MANY: Final = 429
UNAUTHORIZED: Final = 401
REFUSING: Final = frozenset({400, 401, 403, 404, 422})

MATCHED: Final = "matched"

NO_BALANCE: Final = "not enough balance"
UNSETTLED: Final = "unsettled:"
"""How the refusal of a sell begins where what it would sell has been bought and has not settled yet."""

KILLED: Final = ("no orders found to match with fak order", "couldn't be fully filled", "could not be fully filled")
DUPLICATED: Final = "duplicated"
WRONG_MAKER: Final = "maker address not allowed"

WALLET_FIX: Final = (
    "this wallet may not trade by itself: new accounts trade through a deposit wallet; see `arb doctor polymarket`, "
    "and set polymarket.wallet_kind and polymarket.wallet"
)
HINTS: Final = (
    (WRONG_MAKER, WALLET_FIX),
    (
        "invalid signature",
        "polymarket.wallet_kind or polymarket.wallet does not fit the key: `arb doctor polymarket`",
    ),
    ("allowance", "see `arb doctor polymarket` for the balance and the allowance of each exchange contract"),
    ("closed only", "this account may only close: see polymarket.com"),
    ("restricted", "polymarket does not serve this place"),
)

UNREADABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError, ArithmeticError)

MICRO: Final = 1_000_000
_MAX_WORDS: Final = 200
_MAX_NUMBER: Final = 40
_MAX_AMOUNT: Final = Decimal(10**9)


class _Posted(msgspec.Struct, gc=False):
    success: bool | None = None
    errorMsg: str | None = None  # noqa: N815 -- the venue's name
    error: str | None = None
    orderID: str | None = None  # noqa: N815 -- the same
    status: str | None = None
    makingAmount: Any = None  # noqa: N815 -- the same
    takingAmount: Any = None  # noqa: N815 -- the same
    tradeIDs: list[str] | None = None  # noqa: N815 -- the same


class _Error(msgspec.Struct, gc=False):
    error: str | None = None
    errorMsg: str | None = None  # noqa: N815 -- the venue's name
    message: str | None = None


_posted: Final = msgspec.json.Decoder(_Posted, float_hook=Decimal)
_error: Final = msgspec.json.Decoder(_Error)


class Told(msgspec.Struct, frozen=True):
    """What a ``matched`` says of the whole order, in millionths of a share and of a dollar, and its trades."""

    shares: int
    dollars: int
    trades: tuple[str, ...] = ()


class OrderReply(msgspec.Struct, frozen=True):
    """What became of the order as far as the answer tells. ``words``: the venue's own, of a refusal."""

    outcome: Outcome
    told: Told | None = None
    words: str | None = None


def plain(text: str) -> str:
    """The venue's words, fit for a line of a log."""
    return "".join(char if char.isprintable() else "?" for char in text[:_MAX_WORDS])


def read_error(body: bytes) -> str | None:
    """The error in a body; None where there is none to read."""
    try:
        found = _error.decode(body)
    except UNREADABLE:
        return None
    words = found.error or found.errorMsg or found.message
    return plain(words) if words else None


def with_hint(words: str) -> str:
    """The venue's words, and what helps."""
    hint = next((hint for part, hint in HINTS if part in words.lower()), "")
    return f"{words}: {hint}" if hint else words


def unknown(leg: Leg, why: str, order_id: str | None = None) -> Outcome:
    """Nobody knows what became of it."""
    return Outcome(leg_id=leg.leg_id, status=Status.UNKNOWN, error=f"unknown: {why}", final=False, order_id=order_id)


def rejected(leg: Leg, why: str) -> Outcome:
    """It is certain that there is no order."""
    return Outcome(leg_id=leg.leg_id, status=Status.REJECTED, error=why)


def millionths(text: object) -> int:
    """An amount of dollars or shares in millionths, cut; nothing is 0. Raises :class:`ValueError`."""
    if text is None or text == "":
        return 0
    if isinstance(text, bool) or not isinstance(text, (str, int, Decimal)):
        raise ValueError(f"{plain(str(text))!r} is no amount")
    try:
        number = Decimal(text[:_MAX_NUMBER] if isinstance(text, str) else text)
    except InvalidOperation:
        raise ValueError(f"{plain(str(text))!r} is no amount") from None
    if not number.is_finite() or not 0 <= number <= _MAX_AMOUNT:
        raise ValueError(f"{plain(str(text))!r} is no amount")
    return int(number * MICRO)


def contracts(shares: int) -> Quantity:
    """Millionths of a share as contracts: what is below 1/100 cannot be traded by us, and is cut off."""
    return Quantity(shares * CONTRACT // MICRO)


def fill_status(leg: Leg, filled: Quantity) -> Status:
    """What an order is called that has filled so much and is over; with a better price it fills more than asked."""
    if filled <= 0:
        return Status.UNFILLED
    return Status.FILLED if filled >= leg.quantity else Status.PARTIAL


def read_order_reply(leg: Leg, order_id: str, status: int, body: bytes) -> OrderReply:
    """The answer to the leg's ``POST``. A fill is never final here: it may still be taken back."""
    if status == OK:
        return _read_posted(leg, order_id, body)
    words = read_error(body)
    if status == TOO_MANY:
        return OrderReply(rejected(leg, f"429: too many requests: {words or 'slow down'}"), words=words)
    if words is not None and status in REFUSING:
        return _refused(leg, order_id, status, words)
    why = f"polymarket answered {status} ({words or 'no error that can be read'})"
    return OrderReply(unknown(leg, why, order_id), words=words)


def _refused(leg: Leg, order_id: str, status: int, words: str) -> OrderReply:
    small = words.lower()
    if DUPLICATED in small:
        return OrderReply(unknown(leg, f"polymarket has had this order before ({words})", order_id), words=words)
    if any(part in small for part in KILLED):
        killed = Outcome(leg_id=leg.leg_id, status=Status.UNFILLED, error=f"killed: {words}", order_id=order_id)
        return OrderReply(killed, words=words)
    return OrderReply(rejected(leg, f"polymarket refuses it ({status}): {with_hint(words)}"), words=words)


def _read_posted(leg: Leg, order_id: str, body: bytes) -> OrderReply:
    try:
        posted = _posted.decode(body)
        making, taking = millionths(posted.makingAmount), millionths(posted.takingAmount)
    except UNREADABLE as error:
        return OrderReply(
            unknown(leg, f"polymarket answered 200 with what cannot be read: {plain(str(error))}", order_id)
        )
    words = plain(posted.errorMsg or posted.error or "")
    if words:
        if making or taking:
            why = f"polymarket tells an error and a fill ({words})"
            return OrderReply(unknown(leg, why, order_id), words=words)
        return _refused(leg, order_id, OK, words)
    # It came on the connection of this order: what the venue calls it is its name from now on.
    order_id = plain(posted.orderID) if posted.orderID else order_id
    if posted.success is not True or posted.status != MATCHED or not (making and taking):
        why = f"polymarket answered {plain(posted.status or 'nothing')!r} without a fill"
        return OrderReply(unknown(leg, why, order_id))
    dollars, shares = (making, taking) if leg.action is Action.BUY else (taking, making)
    told = Told(shares, dollars, tuple(posted.tradeIDs or ()))
    filled = contracts(shares)
    outcome = Outcome(
        leg_id=leg.leg_id,
        status=fill_status(leg, filled),
        filled=filled,
        cost=Money(dollars),
        order_id=order_id,
        error=None if filled else "less than 0.01 was filled",
        final=False,
    )
    return OrderReply(believable(outcome), told)
