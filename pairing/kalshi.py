"""Kalshi's ``/markets`` and ``/events`` as listings: live pages and saved dumps alike.

Fields are those of the venue's OpenAPI 3.34.0; unknown ones are passed over, for the venue adds some weekly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from pairing import fields as read
from pairing.fields import Fields
from pairing.listing import Fees, LeftOut, Listing, ListingError, Outcome, Strike, Unreadable
from protocol.terms import KALSHI
from protocol.units import Price, Quantity

__all__ = ["read_kalshi"]

OPEN: Final = frozenset({"active", "open"})
"""Statuses in which a market trades; a dump that says nothing is taken as it is."""

MILLIONTHS: Final = 1_000_000
TENTHOUSANDTHS: Final = 10_000
SMALLEST: Final = Quantity(1)

# HOU at SAC (Jan 11): Kalshi's codes of both teams, which stand in the ticker one after the other.
_CODES: Final = re.compile(r"(?P<first>[A-Z0-9]+) (?:at|vs\.?|v) (?P<second>[A-Z0-9]+)\b")
_NAMES: Final = re.compile(r"(?P<first>.+?) (?:at|vs\.?|v) (?P<second>.+?)(?:: .*| Winner\?)?$")
_WINNER: Final = re.compile(r"KX[A-Z0-9]+(?:GAME|MATCH|FIGHT)$")


def read_kalshi(document: object) -> tuple[list[Listing], list[Unreadable]]:
    """Every market of a page, a dump or a list of pages; what cannot be read is told beside it, and never guessed."""
    listings: list[Listing] = []
    unreadable: list[Unreadable] = []
    for event, market in _markets(document):
        name = str((market or event).get("ticker") or event.get("event_ticker"))[:80]
        try:
            listings += [_listing(event, market)] if market is not None else _from_event(event)
        except ListingError as error:
            unreadable.append(Unreadable(name, str(error)))
    return listings, unreadable


def _markets(document: object) -> Iterator[tuple[Fields, Fields | None]]:
    """Pairs of event and market; None for the market where an event came without any."""
    if isinstance(document, list):
        for part in document:
            yield from _markets(part)
    elif isinstance(document, dict):
        if isinstance(document.get("event"), dict):
            yield from _of_event({"markets": document.get("markets"), **document["event"]})
        elif isinstance(document.get("market"), dict):
            yield {}, document["market"]
        elif "events" in document or ("markets" in document and "event_ticker" not in document):
            yield from _of_lists(document)
        elif "ticker" in document:
            yield {}, document
        else:
            yield from _of_event(document)
    else:
        raise ListingError("must be a Kalshi answer: an object or a list of objects")


def _of_lists(document: dict[str, Any]) -> Iterator[tuple[Fields, Fields | None]]:
    for event in read.tables(document, "events"):
        yield from _of_event(event)
    for market in read.tables(document, "markets"):
        yield {}, market


def _of_event(event: Fields) -> Iterator[tuple[Fields, Fields | None]]:
    markets = read.tables(event, "markets")
    if not markets:
        yield event, None
    for market in markets:
        yield event, market


def _listing(event: Fields, market: Fields) -> Listing:
    ticker = read.needed(market, "ticker")
    event_id = read.text(market, "event_ticker") or read.needed(event, "event_ticker")
    yes, no = _outcomes(market)
    rules = (read.rules(market, "rules_primary"), read.rules(market, "rules_secondary"))
    status = read.text(market, "status")
    return Listing(
        platform=KALSHI,
        market_id=ticker,
        event_id=event_id,
        title=read.text(market, "title") or read.text(event, "title"),
        subtitle=read.text(market, "yes_sub_title") or read.text(market, "subtitle"),
        outcomes=(yes, no),
        series=read.text(event, "series_ticker") or event_id.partition("-")[0],
        event_title=read.text(event, "title"),
        event_subtitle=read.text(event, "sub_title"),
        category=read.text(event, "category"),
        rules="\n\n".join(part for part in rules if part),
        sources=_sources(event, market),
        status=status,
        open_time=read.moment(market, "open_time"),
        close_time=read.moment(market, "close_time"),
        expected_expiry=read.moment(market, "expected_expiration_time"),
        latest_expiry=read.moment(market, "latest_expiration_time") or read.moment(market, "expiration_time"),
        game_start=None,
        can_close_early=read.flag(market, "can_close_early"),
        early_close_condition=read.rules(market, "early_close_condition"),
        settlement_timer_s=read.whole(market, "settlement_timer_seconds"),
        strike=_strike(market),
        fees=_fees(event, market),
        tick=_tick(market),
        min_quantity=SMALLEST,
        shard=read.whole(market, "exchange_index"),
        left_out=_left_out(ticker, market, status),
    )


def _outcomes(market: Fields) -> tuple[Outcome, Outcome]:
    yes = read.text(market, "yes_sub_title") or read.text(market, "subtitle") or "Yes"
    no = read.text(market, "no_sub_title")
    # Kalshi repeats the YES side's name as that of the NO side for many markets; it is not a second name then.
    no = no if no and no != yes else f"not {yes}"
    return (
        Outcome(yes, price=_middle(market, "yes")),
        Outcome(no, price=_middle(market, "no")),
    )


def _middle(market: Fields, side: str) -> Price | None:
    """The middle of bid and ask; of the older dumps too, which count whole cents."""
    bid, ask = (read.price(market, f"{side}_{end}_dollars") for end in ("bid", "ask"))
    if bid is None or ask is None:
        cents = [read.number(market, f"{side}_{end}") for end in ("bid", "ask")]
        bid, ask = (None if value is None else read.as_price(value / 100) for value in cents)
    if bid is None or ask is None or not 0 < bid <= ask < TENTHOUSANDTHS:
        return None
    return Price((bid + ask) // 2)


def _sources(event: Fields, market: Fields) -> tuple[str, ...]:
    found = [*read.tables(event, "settlement_sources"), *read.tables(market, "settlement_sources")]
    texts = [read.text(source, key) for source in found for key in ("name", "url")]
    return tuple(dict.fromkeys(filter(None, texts)))


def _strike(market: Fields) -> Strike | None:
    kind = read.text(market, "strike_type")
    floor, cap = read.number(market, "floor_strike"), read.number(market, "cap_strike")
    return Strike(kind, floor, cap) if kind and (floor is not None or cap is not None) else None


def _fees(event: Fields, market: Fields) -> Fees:
    kind = read.text(event, "fee_type_override") or read.text(event, "fee_type") or read.text(market, "fee_type")
    multiplier = None
    for place, key in ((event, "fee_multiplier_override"), (event, "fee_multiplier"), (market, "fee_multiplier")):
        if multiplier is None:
            multiplier = read.number(place, key)
    ppm = None if multiplier is None else int(multiplier * MILLIONTHS)
    return Fees(kind=kind, multiplier_ppm=ppm, waived_until=read.moment(market, "fee_waiver_expiration_time"))


def _tick(market: Fields) -> Price | None:
    """The finest step of its grid; None where the listing does not say."""
    steps = [read.price(part, "step") for part in read.tables(market, "price_ranges")]
    whole = [step for step in steps if step]
    return min(whole) if whole else None


def _left_out(ticker: str, market: Fields, status: str) -> LeftOut | None:
    if read.text(market, "mve_collection_ticker") or read.tables(market, "mve_selected_legs") or "MVE" in ticker:
        return LeftOut.COMBO
    if read.text(market, "market_type") not in {"", "binary"}:
        return LeftOut.NOT_BINARY
    if status and status not in OPEN:
        return LeftOut.CLOSED
    return None


def _from_event(event: Fields) -> list[Listing]:
    """The two "who wins" markets of a game whose event was listed without its markets.

    Only where the codes in the subtitle make up the end of the ticker exactly; such listings have no rules, so that
    nothing about them can be judged to agree in all.
    """
    ticker = read.needed(event, "event_ticker")
    series = read.text(event, "series_ticker") or ticker.partition("-")[0]
    codes = _CODES.match(read.text(event, "sub_title"))
    names = _NAMES.match(read.text(event, "title"))
    if codes is None or names is None or _WINNER.match(series) is None:
        raise ListingError("markets: missing, and the event is none whose markets follow from its name")
    if not ticker.endswith(codes["first"] + codes["second"]):
        raise ListingError(f"sub_title: the codes {codes[0]!r} are not those at the end of the ticker")
    return [
        Listing(
            platform=KALSHI,
            market_id=f"{ticker}-{codes[which]}",
            event_id=ticker,
            title=f"{read.text(event, 'title')} Winner?",
            subtitle=names[which],
            outcomes=(Outcome(names[which]), Outcome(f"not {names[which]}")),
            series=series,
            event_title=read.text(event, "title"),
            event_subtitle=read.text(event, "sub_title"),
            category=read.text(event, "category"),
            sources=_sources(event, {}),
            derived=True,
        )
        for which in ("first", "second")
    ]
