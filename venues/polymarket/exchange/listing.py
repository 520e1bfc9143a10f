"""The markets that an exchange starts with: a file, or a page of Gamma's markets as Polymarket gives it."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec

from market.fees import FeeError, rate_from_text
from protocol.units import DOLLAR, Price, UnitError, price_from_dollars
from venues.loopback.listing import ListingError
from venues.polymarket.exchange.amounts import SHARE, Shares, shares_from_text
from venues.polymarket.exchange.eip712 import keccak
from venues.polymarket.exchange.fees import FeeSchedule

MAX_LISTED: Final = 10_000
"""Markets of one exchange."""

TICKS: Final = tuple(Price(tick) for tick in (1000, 100, 50, 25, 10, 1))
"""The tick sizes that there are, in hundredths of a cent."""

_Slug = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9._-]+$")]
_Token = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,78}$")]
_Level = tuple[str, str]
_OUTCOMES: Final = ("Yes", "No")


class Schedule(msgspec.Struct, frozen=True, rename="camel"):
    """Gamma's ``feeSchedule``."""

    rate: Decimal = Decimal(0)
    exponent: Decimal = Decimal(1)
    taker_only: bool = True
    rebate_rate: Decimal = Decimal(0)


class _EventRef(msgspec.Struct, frozen=True):
    slug: str = ""
    title: str = ""


class Listing(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One market, in Gamma's words; ``bids`` and ``asks`` are what rests for everybody, in YES dollars and shares.

    ``clob_token_ids`` and ``outcomes`` may be arrays or, as Gamma has them, arrays inside of a text. Ids that are not
    given are made from the slug. Other keys are ignored.
    """

    slug: _Slug
    question: str = ""
    description: str = "If the event happens, the market resolves to Yes."
    condition_id: str = ""
    clob_token_ids: str | tuple[_Token, ...] = ()
    position_ids: tuple[_Token, ...] = ()
    outcomes: str | tuple[str, ...] = _OUTCOMES
    version: Literal["v1", "v2"] = "v1"
    neg_risk: bool = False
    order_price_min_tick_size: Decimal = Decimal("0.01")
    order_min_size: Decimal = Decimal(5)
    fees_enabled: bool = True
    fee_type: str | None = "politics"
    fee_schedule: Schedule | None = Schedule(Decimal("0.04"))
    seconds_delay: int = 0
    active: bool = True
    closed: bool = False
    accepting_orders: bool = True
    end_date: str = "2027-12-31T00:00:00Z"
    events: tuple[_EventRef, ...] = ()
    bids: tuple[_Level, ...] = ()
    asks: tuple[_Level, ...] = ()

    @property
    def event_slug(self) -> str:
        """The event that it is of: stated, or of its own name."""
        return self.events[0].slug if self.events and self.events[0].slug else f"{self.slug}-event"

    @property
    def condition(self) -> str:
        """Its condition id."""
        if self.condition_id:
            return self.condition_id
        if self.version == "v2":
            return f"0x{int(self.tokens[0]):064x}"[:-2] + "00"
        return "0x" + keccak(f"condition/{self.slug}".encode()).hex()

    @property
    def tokens(self) -> tuple[str, str]:
        """The ids of YES and NO that are traded: tokens, or positions where the version is v2."""
        given = self.position_ids if self.version == "v2" else _texts(self.clob_token_ids)
        if given:
            yes, no = given
            return yes, no
        yes, no = (_made_id(self.slug, place, self.version) for place in (0, 1))
        return yes, no

    @property
    def outcome_names(self) -> tuple[str, str]:
        """What the two are called."""
        yes, no = _texts(self.outcomes)
        return yes, no

    @property
    def tick(self) -> Price:
        """The price step."""
        return price_from_dollars(self.order_price_min_tick_size)

    @property
    def least(self) -> Shares:
        """The smallest order."""
        return Shares(int(self.order_min_size * SHARE))

    @property
    def fees(self) -> FeeSchedule:
        """What takers pay."""
        schedule = self.fee_schedule
        if schedule is None or not self.fees_enabled:
            return FeeSchedule(0)
        return FeeSchedule(rate_from_text(schedule.rate), int(schedule.exponent))


class _Page(msgspec.Struct):
    markets: list[Listing]


_PAGES: Final = msgspec.json.Decoder(_Page)
_TEXTS: Final = msgspec.json.Decoder(tuple[str, ...])
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)


def read_listings(text: bytes) -> list[Listing]:
    """The markets in ``{"markets": [...]}``. Raises :class:`ListingError`."""
    try:
        listings = _PAGES.decode(text).markets
    except _UNREADABLE as error:
        raise ListingError(f"not a list of markets: {error}") from None
    if not 0 < len(listings) <= MAX_LISTED:
        raise ListingError(f"`markets` holds {len(listings)} markets: 1 to {MAX_LISTED} are taken")
    seen: set[str] = set()
    for listing in listings:
        check_listing(listing)
        ids = {listing.slug, listing.condition, *listing.tokens}
        if ids & seen:
            raise ListingError(f"market {listing.slug}: it, or an id of it, is listed twice")
        seen |= ids
    return listings


def check_listing(listing: Listing) -> None:
    """Raise :class:`ListingError` where a field makes no sense."""
    try:
        if len(set(listing.tokens)) != 2 or len(set(listing.outcome_names)) != 2:  # noqa: PLR2004 -- YES and NO
            raise ListingError("two different outcomes with two different ids")
        if listing.tick not in TICKS:
            raise ListingError(f"orderPriceMinTickSize {listing.order_price_min_tick_size} is none of Polymarket's")
        if listing.order_min_size < 0 or listing.seconds_delay < 0:
            raise ListingError("orderMinSize and secondsDelay must not be below 0")
        _ = listing.fees
        for price, _size in [*levels(listing.bids), *levels(listing.asks)]:
            if not 0 < price < DOLLAR:
                raise ListingError("a level's price is above 0 and below 1 dollar")
    except (*_UNREADABLE, ValueError, ArithmeticError, FeeError) as error:
        raise ListingError(f"market {listing.slug}: {error}") from None


def levels(wire: tuple[_Level, ...]) -> list[tuple[Price, Shares]]:
    """Levels from dollars and shares. Raises :class:`UnitError`."""
    found = [(price_from_dollars(price), shares_from_text(size)) for price, size in wire]
    if any(not 0 < price < DOLLAR for price, _ in found):
        raise UnitError("a level's price is above 0 and below 1 dollar")
    return found


def _texts(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return _TEXTS.decode(value) if isinstance(value, str) else value


def _made_id(slug: str, outcome: int, version: str) -> str:
    """An id in the form of a CTF token or, for v2, of a position: module, condition, 8 empty bytes, outcome."""
    seed = keccak(f"token/{slug}".encode() + (b"" if version == "v2" else bytes([outcome])))
    if version == "v1":
        return str(int.from_bytes(seed, "big"))
    return str(int.from_bytes(b"\x01" + seed[:18] + bytes(8) + seed[18:22] + bytes([outcome]), "big"))


DEMO: Final = (
    Listing(
        slug="will-it-rain-in-the-demo",
        question="Will it rain in the demo?",
        bids=(("0.44", "250"), ("0.45", "100")),
        asks=(("0.47", "12"), ("0.48", "200"), ("0.5", "1000")),
    ),
    Listing(
        slug="will-it-snow-in-the-demo",
        question="Will it snow in the demo?",
        neg_risk=True,
        order_price_min_tick_size=Decimal("0.001"),
        fee_type="weather",
        fee_schedule=Schedule(Decimal("0.05")),
        bids=(("0.05", "400"), ("0.058", "80")),
        asks=(("0.061", "25.5"), ("0.07", "300")),
    ),
    Listing(
        slug="will-the-home-side-win-the-demo",
        question="Will the home side win?",
        version="v2",
        fee_type=None,
        fee_schedule=None,
        bids=(("0.6", "500"),),
        asks=(("0.62", "500"),),
    ),
)
"""What an exchange lists where nothing else was said."""
