"""Polymarket's Gamma ``/events`` and ``/markets`` as listings: live pages and saved dumps alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from pairing import fields as read
from pairing.fields import Fields
from pairing.listing import Fees, LeftOut, Listing, ListingError, Outcome, Unreadable
from protocol.terms import POLYMARKET
from protocol.units import USD, Price, Quantity

__all__ = ["read_gamma"]

MILLIONTHS: Final = 1_000_000
TWO: Final = 2
_NONE: Final[Fields] = {}


def read_gamma(document: object) -> tuple[list[Listing], list[Unreadable]]:
    """Every market of a page, a dump or a list of pages; what cannot be read is told beside it, and never guessed."""
    listings: list[Listing] = []
    unreadable: list[Unreadable] = []
    for event, market in _markets(document):
        try:
            listings.append(_listing(event, market))
        except ListingError as error:
            unreadable.append(Unreadable(str(market.get("slug") or market.get("conditionId"))[:80], str(error)))
    return listings, unreadable


def _markets(document: object) -> Iterator[tuple[Fields, Fields]]:
    if isinstance(document, list):
        for part in document:
            yield from _markets(part)
    elif isinstance(document, dict):
        if "conditionId" in document:
            events = read.tables(document, "events")
            yield (events[0] if events else _NONE), document
        elif "data" in document or "events" in document:
            for key in ("data", "events"):
                yield from _markets(document.get(key) or [])
        else:
            for market in read.tables(document, "markets"):
                # A page of markets is no event of its own: what it wraps may name theirs.
                events = read.tables(market, "events")
                yield (document if "slug" in document else events[0] if events else _NONE), market
    else:
        raise ListingError("must be a Gamma answer: an object or a list of objects")


def _listing(event: Fields, market: Fields) -> Listing:
    fees = _fees(market)
    rules = read.rules(market, "description") or read.rules(event, "description")
    return Listing(
        platform=POLYMARKET,
        market_id=read.needed(market, "conditionId"),
        event_id=_id(event) or read.text(market, "negRiskMarketID") or read.needed(market, "conditionId"),
        title=read.needed(market, "question"),
        subtitle=read.text(market, "groupItemTitle"),
        outcomes=_outcomes(market),
        series=read.text(event, "seriesSlug"),
        slug=read.text(market, "slug"),
        event_title=read.text(event, "title"),
        event_subtitle=read.text(event, "slug"),
        category=read.text(market, "category") or read.text(event, "category"),
        tags=tuple(filter(None, (read.text(tag, "slug") for tag in read.tables(event, "tags")))),
        rules=rules,
        sources=tuple(filter(None, dict.fromkeys(read.text(part, "resolutionSource") for part in (market, event)))),
        status=_status(market),
        open_time=read.moment(market, "startDate"),
        close_time=read.moment(market, "endDate"),
        expected_expiry=None,
        game_start=read.moment(market, "gameStartTime"),
        sports_type=read.text(market, "sportsMarketType"),
        line=read.number(market, "line"),
        fees=fees,
        tick=_tick(market),
        min_quantity=_min_quantity(market),
        min_notional=USD,
        neg_risk=bool(read.flag(market, "negRisk") or read.flag(event, "negRisk")),
        neg_risk_augmented=bool(read.flag(event, "negRiskAugmented") or read.flag(market, "negRiskAugmented")),
        is_other=bool(read.flag(market, "negRiskOther")),
        version=read.text(market, "version"),
        seconds_delay=read.whole(market, "secondsDelay"),
        left_out=_left_out(market),
    )


def _id(event: Fields) -> str:
    value = event.get("id")
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def _outcomes(market: Fields) -> tuple[Outcome, ...]:
    """Names with the tokens at the same places: that correspondence, and no other, is the venue's own."""
    names = read.texts(market, "outcomes")
    tokens = read.texts(market, "positionIds" if read.text(market, "version") == "v2" else "clobTokenIds")
    prices: tuple[str, ...] = read.texts(market, "outcomePrices")
    if not names:
        raise ListingError("outcomes: missing")
    if tokens and len(tokens) != len(names):
        raise ListingError("clobTokenIds: must be as many as the outcomes")
    if len(set(tokens)) != len(tokens):
        raise ListingError("clobTokenIds: the same token twice")
    known = len(prices) == len(names)
    return tuple(
        Outcome(name, tokens[i] if tokens else None, read.price({"price": prices[i]}, "price") if known else None)
        for i, name in enumerate(names)
    )


def _status(market: Fields) -> str:
    if read.flag(market, "closed") or read.flag(market, "archived"):
        return "closed"
    if read.flag(market, "active") is False:
        return "inactive"
    return "active" if read.flag(market, "acceptingOrders") is not False else "paused"


def _fees(market: Fields) -> Fees:
    schedule = market.get("feeSchedule")
    if read.flag(market, "feesEnabled") is False:
        return Fees(kind="free", rate_ppm=0)
    if not isinstance(schedule, Mapping):
        return Fees(kind=read.text(market, "feeType"))
    rate, exponent = read.number(schedule, "rate"), read.whole(schedule, "exponent")
    ppm = None if rate is None else int(rate * MILLIONTHS)
    return Fees(kind=read.text(market, "feeType"), rate_ppm=ppm, exponent=1 if exponent is None else exponent)


def _tick(market: Fields) -> Price | None:
    return read.price(market, "orderPriceMinTickSize") or None


def _min_quantity(market: Fields) -> Quantity | None:
    least: Decimal | None = read.number(market, "orderMinSize")
    return None if least is None else Quantity(int(least * 100))


def _left_out(market: Fields) -> LeftOut | None:
    names = read.texts(market, "outcomes")
    if len(names) != TWO:
        return LeftOut.NOT_BINARY
    if not read.texts(market, "clobTokenIds") and not market.get("positionIds"):
        return LeftOut.NO_BOOK
    if read.flag(market, "enableOrderBook") is False:
        return LeftOut.NO_BOOK
    return None if _status(market) == "active" else LeftOut.CLOSED
