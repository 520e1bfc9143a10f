"""What is worth waking a person for: notes become alerts, each told once in a while, and not too many in an hour.

Pure: the same notes at the same times give the same alerts. Time is unix microseconds. How an alert reaches a person is
not its business (`transport/alerts.py`).
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator
from datetime import tzinfo
from decimal import Decimal
from typing import Any, Final

import msgspec

from actors.messages import Note, TradeMoved
from actors.risk.day import TradingDay
from actors.risk.guard import HALTS, MOVES, PAIRS_ASIDE, TRIPS

SECOND_US: Final = 1_000_000
HOUR_US: Final = 3_600 * SECOND_US

MAX_KEYS: Final = 10_000
"""Alerts that are remembered so as not to be told again, unknown legs, trades of a day; beyond them the oldest go."""

MAX_TEXT: Final = 1_000
"""Characters of an alert; a phone shows fewer."""

_NUMBERS: Final = re.compile(r"\d+")


class Kind(msgspec.Struct, frozen=True):
    """What an alert is about. Critical ones are told whatever was told before; ``by_pair``: one at a time of a pair."""

    title: str
    critical: bool = False
    by_pair: bool = False


class Alert(msgspec.Struct, frozen=True):
    """One message to a person."""

    kind: Kind
    text: str


NAKED: Final = Kind("Naked leg", critical=True, by_pair=True)
HALT: Final = Kind("Halted", critical=True)
BREAKER: Final = Kind("Breaker tripped", critical=True)
TRADING: Final = Kind("Trading state")
ASIDE: Final = Kind("Pair set aside", by_pair=True)
UNKNOWN: Final = Kind("Unknown leg", critical=True, by_pair=True)
BOOKS: Final = Kind("Ledger or journal", critical=True)
DRIFT: Final = Kind("Venue and ledger differ", critical=True)
DOUBT: Final = Kind("Money in doubt", critical=True, by_pair=True)
TRADER: Final = Kind("Trader lost")
FEED: Final = Kind("Feed dead")
LATCHED: Final = Kind("Market latched")
FAILURE: Final = Kind("Part of the program failed")
SUMMARY: Final = Kind("Daily summary")

BY_COUNT: Final[dict[str, Kind]] = {
    "naked": NAKED,
    "halts": HALT,
    "trader_halts": HALT,
    "halts_kept": HALT,
    "journal_failures": BOOKS,
    "facts_refused": BOOKS,
    "drift": DRIFT,
    "fills_beyond_limit": DOUBT,
    "results_contradicted": DOUBT,
    "platform_lost": TRADER,
    "feed_down": FEED,
    "feed_silent": FEED,
    "feed_failed": FEED,
    "markets_halted": LATCHED,
    "actor_failures": FAILURE,
    "resumes": TRADING,
    HALTS: HALT,
    TRIPS: BREAKER,
    MOVES: TRADING,
    PAIRS_ASIDE: ASIDE,
}
"""By the counter of a note. What has none of these is for the log alone, and so is what is no warning."""


class AlertRules(msgspec.Struct, frozen=True, kw_only=True):
    """How often a person is told. ``unknown_us``: how long a leg may be unknown; None: nobody is told."""

    repeat_us: int = 900 * SECOND_US
    per_hour: int = 20
    unknown_us: int | None = 60 * SECOND_US
    summary: bool = True


class AlertDesk:
    """Tell it every note with :meth:`take` and the time with :meth:`tick`; both return the alerts that are due."""

    def __init__(self, rules: AlertRules, zone: tzinfo, hour: int, now_us: int) -> None:
        """Nothing told; the summary comes when the day ends that has ``now_us``."""
        self.rules = rules
        self.day = TradingDay(zone, hour)
        self.ends_us = self.day.around(now_us)[1]
        self.told_us: dict[tuple[str, ...], int] = {}
        self.again: Counter[tuple[str, ...]] = Counter()
        """How often the same came since it was told last."""
        self.sent: deque[int] = deque()
        self.held_back = 0
        self.unknown: dict[str, tuple[int, str]] = {}
        """Unknown legs, not told yet: since when, and of which pair."""
        self.trades: dict[str, tuple[str, Decimal]] = {}
        """The trades that moved this day: their last state and the edge that is locked in."""
        self.alerts: Counter[str] = Counter()

    # -- in --------------------------------------------------------------------------------------------------

    def take(self, note: object, now_us: int) -> list[Alert]:
        """Look at one note; most give nothing."""
        if isinstance(note, Note):
            kind = kind_of(note)
            return [] if kind is None else list(self.tell(kind, note.text, note.pair_id or "", now_us))
        if isinstance(note, TradeMoved):
            self.moved(dict(note.record), now_us)
        return []

    def moved(self, record: dict[str, Any], now_us: int) -> None:
        """Which legs are unknown by now, and what the day has brought."""
        trade_id, edge = str(record["trade_id"]), record["edge_usd"]
        if trade_id not in self.trades:
            _bound(self.trades)
        self.trades[trade_id] = (str(record["state"]), Decimal(0) if edge is None else Decimal(str(edge)))
        for leg in record["legs"]:
            leg_id = str(leg["leg_id"])
            if leg["status"] != "unknown":
                self.unknown.pop(leg_id, None)
            elif leg_id not in self.unknown:
                _bound(self.unknown)
                self.unknown[leg_id] = (now_us, str(record["pair_id"]))

    def tick(self, now_us: int) -> list[Alert]:
        """What is due by time alone: legs that have been unknown for too long, and the day's end."""
        due: list[Alert] = []
        limit = self.rules.unknown_us
        if limit is not None:
            for leg_id, (since, pair_id) in list(self.unknown.items()):
                if since >= 0 and now_us - since >= limit:
                    # Told once; it stays here, with a time that is never due, until it is proven.
                    self.unknown[leg_id] = (-1, pair_id)
                    text = f"nobody knows what became of leg {leg_id} for {limit // SECOND_US} s: see `arb status`"
                    due += self.tell(UNKNOWN, text, pair_id, now_us)
        if now_us >= self.ends_us:
            self.ends_us = self.day.around(now_us)[1]
            due += self.summary()
        return due

    # -- out -------------------------------------------------------------------------------------------------

    def tell(self, kind: Kind, text: str, pair_id: str, now_us: int) -> Iterator[Alert]:
        """The alert, unless the same was told a short while ago, or (of what is not critical) too many were."""
        key = (kind.title, pair_id) if kind.by_pair and pair_id else (kind.title, pair_id, _NUMBERS.sub("#", text))
        told = self.told_us.get(key)
        if told is not None and 0 <= now_us - told < self.rules.repeat_us:
            self.again[key] += 1
            return
        while self.sent and not now_us - HOUR_US < self.sent[0] <= now_us:
            self.sent.popleft()
        if not kind.critical:
            if len(self.sent) >= self.rules.per_hour:
                self.held_back += 1
                return
            self.sent.append(now_us)
        self.told_us.pop(key, None)
        _bound(self.told_us)
        self.told_us[key] = now_us
        self.alerts[kind.title] += 1
        yield Alert(kind, self.worded(text, pair_id, self.again.pop(key, 0)))

    def worded(self, text: str, pair_id: str, again: int) -> str:
        """The text, with what was not told since."""
        pair = f" [{pair_id}]" if pair_id and pair_id not in text else ""
        more = f" (and {again} times more since it was told last)" if again else ""
        held, self.held_back = self.held_back, 0
        less = f" ({held} other alerts were held back: more than {self.rules.per_hour} in an hour)" if held else ""
        return f"{text[:MAX_TEXT]}{pair}{more}{less}"

    def summary(self) -> Iterator[Alert]:
        """The day in three lines; it counts for no limit."""
        if self.rules.summary:
            states = Counter(state for state, _ in self.trades.values())
            ends = ", ".join(f"{n} {state}" for state, n in sorted(states.items())) or "none"
            told = ", ".join(f"{n} {title}" for title, n in sorted(self.alerts.items())) or "none"
            edge = sum((edge for _, edge in self.trades.values()), Decimal(0))
            unknown = f"; {len(self.unknown)} legs are unknown now" if self.unknown else ""
            yield Alert(SUMMARY, f"trades: {ends}\nedge locked in: ${edge}{unknown}\nalerts: {told}")
        self.trades.clear()
        self.alerts.clear()


def kind_of(note: Note) -> Kind | None:
    """What a note is an alert of; None: of nothing."""
    if note.level not in {"warning", "error"} or note.count is None:
        return None
    return BY_COUNT.get(note.count)


def _bound(known: dict[Any, Any]) -> None:
    if len(known) >= MAX_KEYS:
        del known[next(iter(known))]
