"""What Polymarket says of a market beside its book, and whether that is what the pairs file was written with.

Two sources: a row of Gamma (everything, but up to five minutes old) and ``GET /clob-markets/{condition}`` (what orders
are judged by, and so what holds where both speak). A market that takes no orders has no book. One on which something
is other than its pair claims, or than it was when this process first saw it, is latched: nothing opens on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from market.fees import RATE_UNIT
from market.pair import Pair
from protocol.terms import PairId, Side
from protocol.units import Price
from venues.decoded import MAX_MARKET
from venues.polymarket.feed import read_tick

NOTHING: Final = "[]"
"""A list as Gamma writes it, inside of a text."""

_UNDECIDED: Final = frozenset({"", "none"})


class Claim(msgspec.Struct, frozen=True):
    """What a pair says of one of its tokens. ``partner`` is its other token, if it has one."""

    pair_id: PairId
    token: str
    side: Side
    partner: str | None
    rate_ppm: int
    exponent: int
    tick: Price


class MarketFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One market as a source tells of it; None is what that source does not say.

    ``rate_ppm`` 0 is a market without fees. ``closed`` says why it takes no orders.
    """

    condition: str | None = None
    tokens: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    closed: str | None = None
    rate_ppm: int | None = None
    exponent: int | None = None
    tick: Price | None = None
    min_size: Decimal | None = None
    neg_risk: bool | None = None
    version: str | None = None
    game_start: datetime | None = None
    seconds_delay: int | None = None
    resolution: str | None = None

    def over(self, other: MarketFacts) -> MarketFacts:
        """These, and of the other what these do not say."""
        unsaid = {name: getattr(other, name) for name in self.__struct_fields__ if getattr(self, name) in {None, ()}}
        return msgspec.structs.replace(self, **unsaid)


class UnreadableFacts(ValueError):
    """The answer is not what it should be."""


def claims_of(pairs: Iterable[Pair]) -> tuple[Claim, ...]:
    """What these pairs say of their Polymarket tokens, in their order."""
    return tuple(
        Claim(pair.pair_id, token, side, partner, pair.polymarket_rate_ppm, pair.polymarket_exponent, pair.poly_tick)
        for pair in pairs
        for token, side, partner in (
            (pair.poly_yes_token, Side.YES, pair.poly_no_token),
            (pair.poly_no_token, Side.NO, pair.poly_yes_token),
        )
        if token is not None
    )


def objections(claim: Claim, facts: MarketFacts) -> list[str]:
    """Why nothing may open on the token of this claim, a sentence each."""
    said = [_tokens(claim, facts), _fee(claim, facts)]
    resolution = (facts.resolution or "").lower()
    if resolution not in _UNDECIDED:
        said.append(f"its result is {resolution[:40]}")
    return [f"{text} (pair {claim.pair_id})" for text in said if text is not None]


def changes(before: MarketFacts, now: MarketFacts) -> list[str]:
    """What became of the market's terms since, a sentence each; its tick and fees are judged elsewhere."""
    names = {"neg_risk": "negRisk", "version": "version", "game_start": "start", "seconds_delay": "secondsDelay"}
    said = []
    for name, shown in names.items():
        old, new = getattr(before, name), getattr(now, name)
        if old is not None and new is not None and old != new:
            said.append(f"its {shown} is {new}, was {old}")
    return said


def _tokens(claim: Claim, facts: MarketFacts) -> str | None:
    if claim.token not in facts.tokens:
        return f"its market{_version(facts)} trades other tokens"
    if claim.partner is not None and claim.partner not in facts.tokens:
        return "its other token is of another market"
    place = facts.tokens.index(claim.token)
    outcome = facts.outcomes[place].lower() if place < len(facts.outcomes) else ""
    if outcome in {Side.YES.value, Side.NO.value} and outcome != claim.side.value:
        return f"it is the token of {outcome.upper()}, the pairs file has it as {claim.side.value.upper()}"
    return None


def _version(facts: MarketFacts) -> str:
    return f" (version {facts.version[:20]})" if facts.version else ""


def _fee(claim: Claim, facts: MarketFacts) -> str | None:
    if facts.rate_ppm is None:
        return "nobody says what its taker fee is"
    if facts.rate_ppm == claim.rate_ppm and (not claim.rate_ppm or facts.exponent == claim.exponent):
        return None
    asked = f"{_rate(facts.rate_ppm)} (exponent {facts.exponent})" if facts.rate_ppm else "0"
    claimed = f"{_rate(claim.rate_ppm)} (exponent {claim.exponent})" if claim.rate_ppm else "0"
    return f"its taker fee rate is {asked}, the pairs file says {claimed}"


def _rate(ppm: int) -> str:
    return f"{Decimal(ppm) / RATE_UNIT:f}"


# -- reading ---------------------------------------------------------------------------------------------------------


class _GammaMarket(msgspec.Struct, rename="camel", gc=False):
    condition_id: str
    clob_token_ids: str = NOTHING
    outcomes: str = NOTHING
    position_ids: list[str] | None = None
    version: str | None = None
    active: bool | None = None
    closed: bool | None = None
    archived: bool | None = None
    enable_order_book: bool | None = None
    accepting_orders: bool | None = None
    neg_risk: bool | None = None
    order_price_min_tick_size: Any = None
    order_min_size: Any = None
    fees_enabled: bool | None = None
    fee_schedule: dict[str, Any] | None = None
    game_start_time: str | None = None
    seconds_delay: int | None = None
    uma_resolution_status: str | None = None


class _GammaPage(msgspec.Struct, gc=False):
    markets: list[Any]


class _ClobToken(msgspec.Struct, gc=False):
    t: str
    o: str = ""


class _ClobMarket(msgspec.Struct, gc=False):
    t: list[_ClobToken]
    c: str | None = None
    mts: Any = None
    mos: Any = None
    nr: bool | None = None
    fd: dict[str, Any] | None = None
    ao: bool | None = None
    v: str | None = None
    gst: str | None = None
    sd: int | None = None


class _ByToken(msgspec.Struct, gc=False):
    condition_id: str


_texts: Final = msgspec.json.Decoder(list[str])
_page: Final = msgspec.json.Decoder(_GammaPage, float_hook=Decimal)
_rows: Final = msgspec.json.Decoder(list[Any], float_hook=Decimal)
_clob: Final = msgspec.json.Decoder(_ClobMarket, float_hook=Decimal)
_by_token: Final = msgspec.json.Decoder(_ByToken)
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError, InvalidOperation)


def read_gamma(body: bytes) -> list[MarketFacts]:
    """The markets of ``GET /markets/keyset``, or of its older form, a bare list; one that makes no sense is left out.

    Raises :class:`UnreadableFacts`.
    """
    try:
        rows = _rows.decode(body) if body.lstrip()[:1] == b"[" else _page.decode(body).markets
    except _UNREADABLE as error:
        raise UnreadableFacts(f"no page of markets: {str(error)[:200]}") from None
    found: list[MarketFacts] = []
    for row in rows:
        with suppress(*_UNREADABLE):
            found.append(_gamma(msgspec.convert(row, _GammaMarket)))
    return found


def read_clob(body: bytes) -> MarketFacts:
    """The market of ``GET /clob-markets/{condition}``. Raises :class:`UnreadableFacts`."""
    try:
        row = _clob.decode(body)
        rate, exponent = _schedule(row.fd, "r", "e")
        return MarketFacts(
            condition=row.c,
            tokens=tuple(token.t[:MAX_MARKET] for token in row.t),
            outcomes=tuple(token.o for token in row.t),
            closed="it accepts no orders" if row.ao is False else None,
            rate_ppm=rate,
            exponent=exponent,
            tick=_tick(row.mts),
            min_size=_decimal(row.mos),
            # Left out where it is false, says Polymarket's own client.
            neg_risk=bool(row.nr),
            version=row.v,
            game_start=_moment(row.gst),
            seconds_delay=row.sd,
        )
    except _UNREADABLE as error:
        raise UnreadableFacts(f"no market: {str(error)[:200]}") from None


def read_condition(body: bytes) -> str:
    """The market of a token, of ``GET /markets-by-token/{token}``. Raises :class:`UnreadableFacts`."""
    try:
        return _by_token.decode(body).condition_id
    except _UNREADABLE as error:
        raise UnreadableFacts(f"no market of a token: {str(error)[:200]}") from None


def _gamma(row: _GammaMarket) -> MarketFacts:
    rate: int | None
    rate, exponent = _schedule(row.fee_schedule, "rate", "exponent")
    if row.fees_enabled is not False and row.fee_schedule is None:
        rate = exponent = None
    tokens = tuple(row.position_ids) if row.version == "v2" and row.position_ids else _texts.decode(row.clob_token_ids)
    return MarketFacts(
        condition=row.condition_id,
        tokens=tuple(tokens),
        outcomes=tuple(_texts.decode(row.outcomes)),
        closed=_closed(row),
        rate_ppm=rate,
        exponent=exponent,
        tick=_tick(row.order_price_min_tick_size),
        min_size=_decimal(row.order_min_size),
        neg_risk=row.neg_risk,
        version=row.version,
        game_start=_moment(row.game_start_time),
        seconds_delay=row.seconds_delay,
        resolution=row.uma_resolution_status,
    )


def _closed(row: _GammaMarket) -> str | None:
    reasons = (
        (row.closed is True, "it is closed"),
        (row.archived is True, "it is archived"),
        (row.active is False, "it is not active"),
        (row.enable_order_book is False, "it has no order book"),
        (row.accepting_orders is False, "it accepts no orders"),
    )
    return next((reason for applies, reason in reasons if applies), None)


def _schedule(schedule: dict[str, Any] | None, rate: str, exponent: str) -> tuple[int, int | None]:
    """Rate in millionths and exponent; none is no fee. Raises ``ValueError`` for one that cannot be computed with."""
    if schedule is None:
        return 0, None
    ppm = Decimal(str(schedule.get(rate, ""))) * RATE_UNIT
    power = Decimal(str(schedule.get(exponent, 1)))
    if not ppm.is_finite() or ppm < 0 or ppm % 1 or power % 1:
        raise ValueError(f"a fee of rate {schedule.get(rate)!r} and exponent {schedule.get(exponent)!r}")
    return int(ppm), int(power)


def _tick(value: object) -> Price | None:
    return None if value is None else read_tick(str(value))


def _decimal(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
