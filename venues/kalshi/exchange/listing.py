"""The markets that an exchange starts with: a file, or a page of ``GET /markets`` as Kalshi gives it."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from market.fees import FeeError, rate_from_text
from protocol.units import Price, Quantity, UnitError, price_from_dollars, quantity_from_text
from venues.kalshi.exchange.price_grid import STRUCTURES, PriceRange, check_ranges
from venues.loopback.listing import ListingError

MAX_SHARD: Final = 100
"""The highest number of a shard, as transfers have it."""

MAX_LISTED: Final = 10_000
"""Markets of one exchange."""

_Ticker = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9._-]+$")]
_Level = tuple[str, str]
MarketStatus = Literal["initialized", "inactive", "active", "closed", "determined", "disputed", "amended", "finalized"]


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """One market. ``bids`` and ``asks`` are what rests there for everybody, in YES dollars; other keys are ignored."""

    ticker: _Ticker
    event_ticker: str = ""
    series_ticker: str = ""
    title: str = ""
    yes_sub_title: str = "Yes"
    no_sub_title: str = "No"
    status: MarketStatus = "active"
    exchange_index: Annotated[int, msgspec.Meta(ge=0, le=MAX_SHARD)] = 0
    price_level_structure: str = "linear_cent"
    price_ranges: tuple[PriceRange, ...] = ()
    open_time: str = "2026-01-01T00:00:00Z"
    close_time: str = "2027-12-31T00:00:00Z"
    settlement_timer_seconds: int = 300
    can_close_early: bool = True
    rules_primary: str = "If the event happens, the market resolves to Yes."
    rules_secondary: str = ""
    fee_type: str = "quadratic"
    fee_multiplier: str = "1"
    bids: tuple[_Level, ...] = ()
    asks: tuple[_Level, ...] = ()

    @property
    def event(self) -> str:
        """The ticker of the event: stated, or the market's without its last part."""
        return self.event_ticker or self.ticker.rpartition("-")[0] or self.ticker

    @property
    def series(self) -> str:
        """The ticker of the series: stated, or what the event's begins with."""
        return self.series_ticker or self.event.partition("-")[0]

    @property
    def ranges(self) -> tuple[PriceRange, ...]:
        """The prices that the market takes."""
        return self.price_ranges or STRUCTURES[self.price_level_structure]


class _Page(msgspec.Struct):
    markets: list[Listing]


_DECODER: Final = msgspec.json.Decoder(_Page)


def read_listings(text: bytes) -> list[Listing]:
    """The markets in ``{"markets": [...]}``. Raises :class:`ListingError`."""
    try:
        listings = _DECODER.decode(text).markets
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ListingError(f"not a list of markets: {error}") from None
    if not 0 < len(listings) <= MAX_LISTED:
        raise ListingError(f"`markets` holds {len(listings)} markets: 1 to {MAX_LISTED} are taken")
    seen: set[str] = set()
    for listing in listings:
        if listing.ticker in seen:
            raise ListingError(f"market {listing.ticker}: listed twice")
        seen.add(listing.ticker)
        check_listing(listing)
    return listings


def check_listing(listing: Listing) -> None:
    """Raise :class:`ListingError` where a field makes no sense."""
    if not listing.price_ranges and listing.price_level_structure not in STRUCTURES:
        structure = listing.price_level_structure
        raise ListingError(f"market {listing.ticker}: price_level_structure {structure!r} needs `price_ranges`")
    try:
        check_ranges(listing.ranges)
        rate_from_text(listing.fee_multiplier)
        levels(listing.bids)
        levels(listing.asks)
    except (UnitError, FeeError) as error:
        raise ListingError(f"market {listing.ticker}: {error}") from None


def levels(wire: tuple[_Level, ...]) -> list[tuple[Price, Quantity]]:
    """Levels from dollars and contracts. Raises :class:`UnitError`."""
    found = [(price_from_dollars(price), quantity_from_text(size)) for price, size in wire]
    if any(size <= 0 for _, size in found):
        raise UnitError("a level's size must be above 0")
    return found


DEMO: Final = (
    Listing(
        ticker="KXDEMO-27DEC31-RAIN",
        title="Will it rain in the demo?",
        bids=(("0.45", "100"), ("0.46", "20")),
        asks=(("0.47", "6"), ("0.48", "50")),
    ),
    Listing(
        ticker="KXDEMO-27DEC31-SNOW",
        title="Will it snow in the demo?",
        price_level_structure="tapered_deci_cent",
        bids=(("0.058", "40"), ("0.05", "200")),
        asks=(("0.061", "25.5"), ("0.07", "300")),
    ),
    Listing(
        ticker="KXDEMOGAME-27DEC31-HOME",
        title="Will the home side win?",
        exchange_index=3,
        fee_type="quadratic_with_maker_fees",
        bids=(("0.60", "500"),),
        asks=(("0.62", "500"),),
    ),
)
"""What an exchange lists where nothing else was said."""
