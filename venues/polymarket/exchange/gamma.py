"""Gamma's look-ups of markets and events, with its habits: arrays inside of texts, numbers that are texts."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from protocol.units import DOLLAR
from venues.polymarket.exchange.amounts import price_text
from venues.polymarket.exchange.exchange import PolymarketExchange
from venues.polymarket.exchange.market import Market
from venues.polymarket.exchange.refusal import Refusal, invalid

MOST: Final = 100
"""Items of a page."""

_LIMIT: Final = 20


class Gamma:
    """The look-ups, below ``/gamma``."""

    def __init__(self, exchange: PolymarketExchange) -> None:
        self._exchange = exchange

    def answer(self, path: str, query: Mapping[str, str]) -> Any:  # noqa: ANN401 -- a page or an object
        """The document. Raises :class:`Refusal`."""
        match path.split("/")[1:]:
            case ["markets", "keyset"]:
                return _page("markets", [market_document(one) for one in self._markets(query)], query)
            case ["markets", "slug", slug]:
                return market_document(self._market(slug))
            case ["markets", number]:
                return market_document(self._numbered(number))
            case ["markets"]:
                return [market_document(one) for one in self._markets(query)][: _limit(query)]
            case ["events", "keyset"]:
                return _page("events", self._events(query), query)
            case ["events", "slug", slug]:
                found = [event for event in self._events({}) if event["slug"] == slug]
                if not found:
                    raise Refusal(404, "slug not found")
                return found[0]
            case _:
                raise Refusal(404, "not found")

    def _markets(self, query: Mapping[str, str]) -> list[Market]:
        slugs, conditions, tokens = (
            set(_split(query.get(name, ""))) for name in ("slug", "condition_ids", "clob_token_ids")
        )
        closed = query.get("closed", "")
        return [
            market
            for market in self._exchange.markets.values()
            if (not slugs or market.listing.slug in slugs)
            and (not conditions or market.condition in conditions)
            and (not tokens or tokens & set(market.tokens))
            and closed in {"", str(market.closed).lower()}
        ]

    def _market(self, slug: str) -> Market:
        for market in self._exchange.markets.values():
            if market.listing.slug == slug:
                return market
        raise Refusal(404, "slug not found")

    def _numbered(self, number: str) -> Market:
        for market in self._exchange.markets.values():
            if str(market.number) == number:
                return market
        raise Refusal(404, "id not found")

    def _events(self, query: Mapping[str, str]) -> list[dict[str, Any]]:
        slugs = set(_split(query.get("slug", "")))
        groups: dict[str, list[Market]] = {}
        for market in self._exchange.markets.values():
            groups.setdefault(market.listing.event_slug, []).append(market)
        return [
            event_document(number, slug, markets)
            for number, (slug, markets) in enumerate(groups.items(), start=1)
            if not slugs or slug in slugs
        ]


def market_document(market: Market) -> dict[str, Any]:
    """A market of Gamma."""
    listing = market.listing
    tokens = market.tokens
    best = {"bestBid": market.best(tokens[0], is_bid=True), "bestAsk": market.best(tokens[0], is_bid=False)}
    document: dict[str, Any] = {
        "id": str(market.number),
        "question": listing.question or listing.slug,
        "conditionId": market.condition,
        "slug": listing.slug,
        "description": listing.description,
        "version": listing.version,
        "outcomes": _inside(listing.outcome_names),
        "outcomePrices": _inside(_prices(market)),
        "active": listing.active,
        "closed": market.closed,
        "archived": False,
        "enableOrderBook": True,
        "acceptingOrders": market.accepting and not market.closed,
        "negRisk": listing.neg_risk,
        "negRiskOther": False,
        "negRiskAugmented": False,
        "endDate": listing.end_date,
        "umaResolutionStatus": "resolved" if market.winner else "",
        "orderPriceMinTickSize": market.tick / DOLLAR,
        "orderMinSize": listing.order_min_size,
        "feesEnabled": listing.fees_enabled,
        "feeType": listing.fee_type,
        "feeSchedule": _schedule(market),
        "secondsDelay": listing.seconds_delay,
        "events": [{"id": str(market.number), "slug": listing.event_slug, "title": listing.question}],
        **{key: price / DOLLAR for key, price in best.items() if price is not None},
    }
    if listing.version == "v2":
        return document | {"positionIds": list(tokens), "clobTokenIds": "[]"}
    return document | {"clobTokenIds": _inside(tokens), "positionIds": []}


def event_document(number: int, slug: str, markets: Sequence[Market]) -> dict[str, Any]:
    """An event of Gamma, with its markets."""
    first = markets[0].listing
    return {
        "id": str(number),
        "slug": slug,
        "title": (first.events[0].title if first.events else "") or first.question,
        "description": first.description,
        "active": True,
        "closed": all(market.closed for market in markets),
        "archived": False,
        "negRisk": first.neg_risk,
        "enableNegRisk": first.neg_risk,
        "negRiskAugmented": False,
        "endDate": first.end_date,
        "markets": [market_document(market) for market in markets],
    }


def _schedule(market: Market) -> dict[str, Any] | None:
    schedule = market.listing.fee_schedule
    if schedule is None:
        return None
    return {
        "exponent": int(schedule.exponent),
        "rate": market.fees.rate_ppm / 10**6,
        "takerOnly": schedule.taker_only,
        "rebateRate": schedule.rebate_rate,
    }


def _prices(market: Market) -> tuple[str, str]:
    if market.winner:
        return ("1", "0") if market.winner == market.tokens[0] else ("0", "1")
    bid, ask = (market.best(market.tokens[0], is_bid=is_bid) for is_bid in (True, False))
    middle = ((0 if bid is None else bid) + (DOLLAR if ask is None else ask)) // 2
    return price_text(middle), price_text(DOLLAR - middle)


def _inside(values: Sequence[str]) -> str:
    """An array inside of a text, as Gamma has it."""
    return msgspec.json.encode(values).decode()


def _page(name: str, items: Sequence[Any], query: Mapping[str, str]) -> dict[str, Any]:
    start = _number(query.get("after_cursor", ""))
    end = start + _limit(query)
    page: dict[str, Any] = {name: items[start:end]}
    if end < len(items):
        page["next_cursor"] = base64.urlsafe_b64encode(str(end).encode()).decode()
    return page


def _limit(query: Mapping[str, str]) -> int:
    text = query.get("limit", str(_LIMIT))
    if not text.isdecimal() or not 0 < int(text) <= MOST:
        raise invalid(f"limit: 1 to {MOST}, not {text[:40]!r}")
    return int(text)


def _number(cursor: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(cursor.encode()) or 0)
    except (binascii.Error, ValueError):
        raise invalid(f"after_cursor: {cursor[:40]!r} is none of ours") from None


def _split(text: str) -> list[str]:
    return [part for part in text.split(",") if part]
