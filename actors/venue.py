"""A venue as an actor: thin, so that what decides never waits for what talks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from actors.base import Address, GuardedActor, handles
from actors.cash_messages import CashAsked, CashSaid
from actors.holdings_messages import HoldingsAsked, HoldingsSaid
from actors.market_messages import MarketsAsked, MarketsSaid
from actors.messages import AskVenue, Directory, PlaceLeg, VenueKnows, VenueSaid
from actors.ports import HoldingsPort, Readiness, ShardedVenue, VenuePort, WarmVenue, WatchedVenue
from actors.trader_messages import Fence, Fenced, VenueOut
from protocol.holdings import Holdings
from protocol.outcome import Outcome
from protocol.terms import LegId, Platform
from protocol.units import Money

Answer = Callable[[Address, object], None]
"""Tells an actor something from outside the turn; inside one it waits until the turn is over."""


MAX_ASKERS: Final = 100_000
"""Legs whose late news still finds its asker; beyond them the oldest are forgotten."""


class VenueSetup(msgspec.Struct, frozen=True):
    """The port, and how its answers come back: as a message told to this actor from outside its turn."""

    port: VenuePort
    answer: Answer


class Venue(GuardedActor):
    """Passes legs to its port and outcomes to whoever asked. Each leg reaches the port once per message."""

    def __init__(self) -> None:
        """No port yet."""
        super().__init__()
        self.port: VenuePort
        self.answer: Answer
        self.askers: dict[str, Address] = {}
        self.cash_asker: Address | None = None
        self.trader: Address | None = None
        self.out: VenueOut | None = None
        self.holdings_asker: Address | None = None

    @handles(VenueSetup)
    def setup(self, message: VenueSetup, _sender: Address) -> None:
        """Take the port."""
        self.port, self.answer = message.port, message.answer
        me, answer, platform = self.myAddress, self.answer, self.port.platform
        if isinstance(self.port, WatchedVenue):
            self.port.watch(lambda reason: answer(me, VenueOut(platform, reason)))
        if isinstance(self.port, WarmVenue):
            self.port.watch_markets(lambda news: answer(me, markets_said(0, platform, [news])))

    @handles(Directory)
    def directory(self, message: Directory, _sender: Address) -> None:
        """It answers whoever asks; its own trader hears unasked when no order can leave."""
        self.trader = message.roles.get("trader") or message.roles.get(f"trader:{self.port.platform}")
        if self.out is not None:
            self.tell_out(self.out)

    @handles(VenueOut)
    def tell_out(self, message: VenueOut, _sender: Address | None = None) -> None:
        """Pass it on, now or once it is known to whom."""
        self.out = message
        if self.trader is not None:
            self.send(self.trader, message)

    @handles(PlaceLeg)
    def place(self, message: PlaceLeg, sender: Address) -> None:
        """Hand the leg to the port."""
        if message.book is not None:
            self.port.see(message.book)
        self.remember(message.leg.leg_id, sender)
        me, answer = self.myAddress, self.answer

        def report(outcome: Outcome) -> None:
            answer(me, VenueSaid(outcome))

        self.port.place(message.leg, report, blind=message.blind)

    @handles(Fence)
    def fence(self, message: Fence, sender: Address) -> None:
        """Everything sent before this was handed to the port; a port sends at once or never (`VenuePort.place`)."""
        self.send(sender, Fenced(message.number, message.role))

    def remember(self, leg_id: LegId, asker: Address) -> None:
        """Whoever asked last hears of the leg's news."""
        if leg_id not in self.askers and len(self.askers) >= MAX_ASKERS:
            del self.askers[next(iter(self.askers))]
        self.askers[leg_id] = asker

    @handles(AskVenue)
    def ask(self, message: AskVenue, sender: Address) -> None:
        """Ask the port what the venue knows of a leg; whoever asks hears of its news from now on."""
        leg_id = message.leg.leg_id
        self.remember(leg_id, sender)
        me, answer = self.myAddress, self.answer

        def report(outcome: Outcome | None, failed: str | None) -> None:
            answer(me, VenueKnows(leg_id, outcome, failed))

        self.port.lookup(message.leg, report)

    @handles(VenueKnows)
    def knows(self, message: VenueKnows, _sender: Address) -> None:
        """Pass the answer on."""
        asker = self.askers.get(message.leg_id)
        if asker is not None:
            self.send(asker, message)

    @handles(CashAsked)
    def ask_cash(self, message: CashAsked, sender: Address) -> None:
        """Ask the port what is there to be spent."""
        self.cash_asker = sender
        me, answer, port, number = self.myAddress, self.answer, self.port, message.number

        def report_all(
            accounts: Sequence[tuple[str, Money]] | None, shards: Sequence[tuple[str, str]], failed: str | None
        ) -> None:
            said = CashSaid(number, port.platform, port.paper, tuple(accounts or ()), failed, shards=tuple(shards))
            answer(me, said)

        def report(accounts: Sequence[tuple[str, Money]] | None, failed: str | None) -> None:
            report_all(accounts, (), failed)

        if message.markets and isinstance(port, ShardedVenue):
            port.cash_and_shards(message.markets, report_all)
        else:
            port.cash(report)

    @handles(CashSaid)
    def cash_said(self, message: CashSaid, _sender: Address) -> None:
        """Pass the answer on to whoever asked last."""
        if self.cash_asker is not None:
            self.send(self.cash_asker, message)

    @handles(MarketsAsked)
    def ask_markets(self, message: MarketsAsked, _sender: Address) -> None:
        """Have the port read the rules of these markets ahead."""
        me, answer, number, platform = self.myAddress, self.answer, message.number, self.port.platform
        if isinstance(self.port, WarmVenue):
            self.port.learn(message.markets, lambda found: answer(me, markets_said(number, platform, found)))

    @handles(MarketsSaid)
    def markets_said(self, message: MarketsSaid, _sender: Address) -> None:
        """The venue's own trader hears it, asked or not."""
        if self.trader is not None:
            self.send(self.trader, message)

    @handles(HoldingsAsked)
    def ask_holdings(self, message: HoldingsAsked, sender: Address) -> None:
        """Ask the port what the account holds; not every port can be asked."""
        self.holdings_asker = sender
        me, answer, port, number = self.myAddress, self.answer, self.port, message.number

        def report(holdings: Holdings | None, failed: str | None) -> None:
            answer(me, HoldingsSaid(number, port.platform, port.paper, holdings, failed))

        if isinstance(port, HoldingsPort):
            port.holdings(message.since_us, report)
        else:
            report(None, "this venue cannot be asked what it holds")

    @handles(HoldingsSaid)
    def holdings_said(self, message: HoldingsSaid, _sender: Address) -> None:
        """Pass the answer on to whoever asked last."""
        if self.holdings_asker is not None:
            self.send(self.holdings_asker, message)

    @handles(VenueSaid)
    def said(self, message: VenueSaid, _sender: Address) -> None:
        """Pass the outcome on; late news on the same leg, even after a final word, goes to the same asker."""
        asker = self.askers.get(message.outcome.leg_id)
        if asker is not None:
            self.send(asker, message)


def markets_said(number: int, platform: Platform, found: Sequence[Readiness]) -> MarketsSaid:
    """The ready ones, and the others with their reasons."""
    ready = tuple(market for market, why in found if why is None)
    return MarketsSaid(number, platform, ready, tuple((market, why) for market, why in found if why is not None))
