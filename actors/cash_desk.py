"""What the venues' accounts have: asked at the start, at every new path, and from time to time; told to the guard.

Where an account has cash on several shards, the markets of our pairs are asked about, too: on which of them each is.

An answer counts from the moment it was asked for: what was proven to be spent since then is taken off it. One that
comes after a later one's is not news, and one that failed changes nothing, so neither makes the cash more than it was.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from actors.base import Address, handles
from actors.cash_messages import CashAsked, CashSaid
from actors.leg_sender import LegSender
from actors.messages import PathInfo, StartTimer, TimerFired
from actors.shard_rounds import ShardRounds
from protocol.terms import KALSHI, WIRE_VERSION, Platform
from protocol.units import Money, money_to_dollars

CASH: Final = "cash"
SHOWN_MARKETS: Final = 5

MAX_ASKED: Final = 16
"""Questions whose answer is still taken; by then an earlier one's is too old to be of use."""

PATIENCE_US: Final = 5_000_000
"""So long nothing new is traded on a path that says what it has, and has not said it yet."""


class Asked(msgspec.Struct, frozen=True):
    """When accounts were asked, and what :meth:`actors.risk.cash.Cash.asking` said of it, for paper and real money."""

    mono_us: int
    moments: dict[bool, int]


class Known(msgspec.Struct):
    """What is known of a platform's cash: by which question, of whom, since when; and why the newest one failed."""

    number: int = 0
    stated: bool = False
    who: str = ""
    mono_us: int = 0
    failed: str | None = None


class CashDesk(LegSender):
    """Guarantees: an answer that is late or failed never makes the cash more than it was believed to be."""

    def __init__(self) -> None:
        """Nothing asked."""
        super().__init__()
        self.cash_number = 0
        self.cash_asked: dict[int, Asked] = {}
        self.cash_known: dict[Platform, Known] = {}
        self.cash_paths: dict[Platform, tuple[int | None, int]] = {}
        """By platform: the connection that is asked now, and since when."""
        self.shard_rounds = ShardRounds(())

    # -- asking ----------------------------------------------------------------------------------------------

    @property
    def all_paths(self) -> dict[Platform, PathInfo]:
        """Local ones go before."""
        return {**self.remote, **self.config.local}

    def begin_cash(self) -> None:
        """Ask for the first time, and from now on."""
        every = self.config.risk.cash_every_us
        if every is not None:
            self.send(self.roles["clock"], StartTimer(every, CASH))
            if not self.cash_number:
                self.shard_rounds = ShardRounds(self.kalshi_markets())
            self.ask_cash()

    @handles(TimerFired)
    def timer(self, message: TimerFired, sender: Address) -> None:
        """It is time to ask again."""
        if message.key != CASH:
            super().timer(message, sender)
            return
        self.begin_cash()

    def cash_paths_changed(self) -> None:
        """Somebody else gets the legs now: it is his account that counts."""
        paths = {platform: path.conn_id for platform, path in self.all_paths.items() if path.cash}
        before = {platform: conn_id for platform, (conn_id, _) in self.cash_paths.items()}
        if self.config.risk.cash_every_us is not None and paths != before:
            self.shard_rounds.begin()
            self.ask_cash()

    def ask_cash(self) -> None:
        """Ask every path that says what it has."""
        now, before = self.turn.mono_us, self.cash_paths
        paths = {platform: path for platform, path in self.all_paths.items() if path.cash}
        self.cash_paths = {}
        for platform, path in paths.items():
            asked, since = before.get(platform, (None, now))
            self.cash_paths[platform] = (path.conn_id, since if asked == path.conn_id else now)
        if not paths:
            return
        self.cash_number += 1
        moments = {paper: book.cash.asking(self.turn.unix_us) for paper, book in self.risk.books.items()}
        self.cash_asked[self.cash_number] = Asked(now, moments)
        if len(self.cash_asked) > MAX_ASKED:
            del self.cash_asked[next(iter(self.cash_asked))]
        markets = self.shard_rounds.take() if KALSHI in paths and self.sharded else ()
        for platform in sorted(paths.keys() & self.config.local.keys()):
            asked_of = markets if platform == KALSHI else ()
            self.send(self.roles[f"trader:{platform}"], CashAsked(self.cash_number, frozenset({platform}), asked_of))
        remote = frozenset(paths.keys() - self.config.local.keys())
        if remote:
            asked_of = markets if KALSHI in remote else ()
            self.send(self.roles["router"], CashAsked(self.cash_number, remote, asked_of))

    # -- answers ---------------------------------------------------------------------------------------------

    @handles(CashSaid)
    def cash_said(self, message: CashSaid, _sender: Address) -> None:
        """Take it, unless a later question was answered before."""
        asked, platform = self.cash_asked.get(message.number), message.platform
        known = self.cash_known.setdefault(platform, Known())
        if asked is None or message.number <= known.number:
            return
        if message.failed is not None:
            if known.failed is None:
                text = f"the cash at {platform} could not be asked for, what was there before counts: {message.failed}"
                self.note(text, level="warning", count="cash_not_told")
            known.failed, known.who = message.failed, message.who
            return
        known.number, known.who, known.mono_us, known.failed = message.number, message.who, asked.mono_us, None
        known.stated = bool(message.accounts)
        cash, moment = self.risk.books[message.paper].cash, asked.moments[message.paper]
        if message.accounts:
            cash.stated(platform, dict(message.accounts), moment)
        for market, shard in message.shards:
            self.risk.on_shard(platform, market, shard)
        if message.shards:
            self.settle_risk()
        if platform == KALSHI and self.sharded and self.shard_rounds.unfinished:
            # Not before an answer: a trader that is slow is not asked ever faster.
            self.ask_cash()

    # -- shards ----------------------------------------------------------------------------------------------

    def kalshi_markets(self) -> list[str]:
        """The markets of our pairs where shards are."""
        tickers = (pair.kalshi_market_ticker for pair in self.pairs.values())
        return [ticker for ticker in tickers if ticker is not None]

    @property
    def sharded(self) -> bool:
        """Whether Kalshi's cash lies on several shards, so that each market's must be known. Paper has one account."""
        return self.risk.books[False].cash.several(KALSHI)

    def shardless(self) -> list[str]:
        """Markets that are not traded for money, because nobody has said yet whose cash would pay."""
        if not self.sharded:
            return []
        pairs = [pair for pair in self.pairs.values() if pair.kalshi_market_ticker is not None]
        unknown = [
            str(pair.kalshi_market_ticker)
            for pair in pairs
            if not self.risk.shards.account(self.risk.terms(pair.pair_id, KALSHI)).shard
        ]
        return list(dict.fromkeys(unknown))

    def cash_awaited(self, platforms: set[Platform]) -> str | None:
        """Why nothing new is traded there yet: the path says what is there, and was asked a moment ago."""
        for platform in sorted(platforms & self.cash_paths.keys()):
            conn_id, since = self.cash_paths[platform]
            known = self.cash_known.get(platform)
            path = self.all_paths.get(platform)
            if path is None or path.conn_id != conn_id or self.turn.mono_us - since >= PATIENCE_US:
                continue
            if known is None or (known.number == 0 and known.failed is None) or known.mono_us < since:
                return f"the cash at {platform} is not known yet"
        return None

    # -- for people ------------------------------------------------------------------------------------------

    def risk_record(self) -> dict[str, Any]:
        """The section of the status, with the cash."""
        return {**super().risk_record(), "cash": self.cash_record()}

    def cash_record(self) -> dict[str, Any]:
        """What each account said and what is free of it, how old that is, and which platform says nothing, and why."""
        every = self.config.risk.cash_every_us
        accounts = [
            {
                "platform": account.platform,
                "shard": account.shard,
                "money": "paper" if paper else "real",
                "stated_usd": money_to_dollars(stated),
                "free_usd": money_to_dollars(Money(left - book.exposure.spoken_for(account))),
            }
            | self._source(account.platform)
            for paper, book in self.risk.books.items()
            for account, stated, left in book.cash.every()
        ]
        silent = {} if every is None else self._silent({account["platform"] for account in accounts})
        every_s = None if every is None else every // 1_000_000
        said: dict[str, Any] = {"asked_every_s": every_s, "accounts": accounts, "silent": silent}
        unknown = self.shardless()
        if unknown:
            said["no_shard"] = {"platform": KALSHI, "markets": len(unknown), "first": unknown[:SHOWN_MARKETS]}
        return said

    def _source(self, platform: Platform) -> dict[str, Any]:
        known = self.cash_known.get(platform, Known())
        age = (self.turn.mono_us - known.mono_us) // 1_000_000
        return {"by": known.who, "age_s": age, "failed": known.failed}

    def _silent(self, stated: set[Any]) -> dict[str, str]:
        why: dict[str, str] = {}
        for platform, path in sorted(self.all_paths.items()):
            known = self.cash_known.get(platform, Known())
            if path.level < WIRE_VERSION:
                why[platform] = f"{path.trader} speaks level 1 and cannot be asked"
            elif not path.cash:
                why[platform] = f"{path.trader} does not answer that question"
            elif known.stated:
                continue
            elif known.failed is not None:
                why[platform] = f"{known.who}: {known.failed}"
            elif not known.number:
                why[platform] = f"{path.trader} was asked and has not answered"
            elif platform in stated:
                why[platform] = f"{known.who} does not say any more: what it said before counts"
            else:
                why[platform] = f"{known.who} says that its venue does not say"
        return why
