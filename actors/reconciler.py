"""Compares what the venues' accounts hold with the ledger, from time to time, and says what differs.

Nothing is taken over: a difference changes neither the ledger nor any trade. Only what a venue says that it has paid
out, and the ledger holds contract for contract, is written down as settled. An answer that is incomplete, or that
cannot be compared now, changes nothing that was found before; one that comes after a later one's is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from actors.base import Address, GuardedActor, handles
from actors.facts import Settled
from actors.holdings_messages import HoldingsAsked, HoldingsSaid, LedgerAsked, LedgerTold
from actors.ledger import FactsKept, Record
from actors.messages import Describe, Description, Directory, Note, PathInfo, PathsChanged, StartTimer, TimerFired
from actors.reconciliation import CashBase, Comparison, Difference, DriftKind, Tolerated, compare, settled_now
from actors.wire_holdings import HoldingsParts
from protocol.holdings import Holdings, ListedOrder, SettledMarket
from protocol.terms import WIRE_VERSION, Platform
from protocol.units import Money, money_to_dollars, quantity_to_wire, show_price

EVERY: Final = "reconcile"
AGAIN: Final = "reconcile-again"

AGAIN_US: Final = 5_000_000
"""A new difference is looked at once more after this long, before a person is told."""

LOOK_BACK_US: Final = 86_400_000_000
"""Orders of so long before the first look are asked for; later ones only since the last."""

OVERLAP_US: Final = 120_000_000
"""Orders are asked for from this long before the last look: clocks differ, and lists lag."""

MAX_ASKED: Final = 16
MAX_EPISODES: Final = 1_000
"""Differences that are kept; more than that are counted."""

SURE: Final = 2
"""So often a difference must be seen, one look after the other, before a person is told."""


class ReconcilerSetup(msgspec.Struct, frozen=True):
    """How often, and which platforms are executed in this process."""

    every_us: int
    local: Mapping[Platform, PathInfo]


class Episode(msgspec.Struct):
    """One difference: since when, how often it was seen, and whether a person was told."""

    difference: Difference
    since_us: int
    seen: int = 1
    told: bool = False


class Account(msgspec.Struct):
    """What was found out about one venue's account, paper or real."""

    number: int = 0
    """The newest question that was compared."""
    by: str = ""
    at_us: int | None = None
    since_us: int | None = None
    """Orders are known up to then."""
    waiting: str | None = None
    """Why the newest answer could not be compared."""
    heard: int = 0
    """The newest question that was answered, if only with a no."""
    said: tuple[int, Holdings] | None = None
    settling: int = 0
    """The newest question of which settlements were written down."""
    moving: tuple[str, ...] = ()
    tolerated: tuple[Tolerated, ...] = ()
    strangers: tuple[ListedOrder, ...] = ()
    orders_from_us: int | None = None
    """From when on the newest answer listed all orders."""
    base: CashBase | None = None
    episodes: dict[tuple[DriftKind, str], Episode] = {}
    more: int = 0


class Reconciler(GuardedActor):
    """Guarantees: nothing is changed by what is found; each difference is told once, and its end is said."""

    def __init__(self) -> None:
        """Nothing asked."""
        super().__init__()
        self.config: ReconcilerSetup
        self.roles: dict[str, Address] = {}
        self.remote: dict[Platform, PathInfo] = {}
        self.number = 0
        self.asked: dict[int, int] = {}
        """When each question was asked, unix microseconds."""
        self.asked_of: dict[Platform, int | None] = {}
        self.accounts: dict[tuple[Platform, bool], Account] = {}
        self.again = False
        self.parts = HoldingsParts()
        self.writings = 0
        self.settling: dict[int, tuple[Platform, bool]] = {}
        """Settlements on their way into the ledger, by the number of the writing."""

    @handles(ReconcilerSetup)
    def setup(self, message: ReconcilerSetup, _sender: Address) -> None:
        """Take the rhythm."""
        self.config = message

    @handles(Directory)
    def directory(self, message: Directory, _sender: Address) -> None:
        """Learn who is who; the first time, look."""
        first, self.roles = not self.roles, dict(message.roles)
        if first:
            self.send(self.roles["clock"], StartTimer(self.config.every_us, EVERY))
            self.ask()

    @handles(PathsChanged)
    def paths_changed(self, message: PathsChanged, _sender: Address) -> None:
        """Somebody else can be asked now."""
        self.remote = dict(message.remote)
        if {p: path.conn_id for p, path in self.paths.items() if path.holdings} != self.asked_of and self.roles:
            self.ask()

    @handles(TimerFired)
    def timer(self, message: TimerFired, _sender: Address) -> None:
        """It is time to look."""
        if message.key == EVERY:
            self.send(self.roles["clock"], StartTimer(self.config.every_us, EVERY))
        else:
            self.again = False
        self.ask()

    @property
    def paths(self) -> dict[Platform, PathInfo]:
        """Local ones go before."""
        return {**self.remote, **self.config.local}

    # -- asking ----------------------------------------------------------------------------------------------

    def ask(self) -> None:
        """Ask every path that says what its account holds."""
        paths = {platform: path for platform, path in self.paths.items() if path.holdings}
        self.asked_of = {platform: path.conn_id for platform, path in paths.items()}
        if not paths:
            return
        self.number += 1
        self.asked[self.number] = self.turn.unix_us
        if len(self.asked) > MAX_ASKED:
            del self.asked[next(iter(self.asked))]
        for platform in sorted(paths.keys() & self.config.local.keys()):
            self.send(self.roles[f"trader:{platform}"], self.question(platform))
        for platform in sorted(paths.keys() - self.config.local.keys()):
            self.send(self.roles["router"], self.question(platform))

    def question(self, platform: Platform) -> HoldingsAsked:
        """From when on orders are wanted is each account's own: a day back, or what came since the last look."""
        account = self.accounts.get((platform, not self.paths[platform].real), Account())
        known = account.since_us
        since = self.turn.unix_us - LOOK_BACK_US if known is None else known - OVERLAP_US
        return HoldingsAsked(self.number, frozenset({platform}), max(0, since))

    # -- answers ---------------------------------------------------------------------------------------------

    @handles(HoldingsSaid)
    def holdings_said(self, message: HoldingsSaid, _sender: Address) -> None:
        """Compare it with the ledger as it is now, unless a later question was answered before."""
        whole = self.parts.take(message)
        if whole is None:
            return
        message = whole
        asked_us = self.asked.get(message.number)
        account = self.accounts.setdefault((message.platform, message.paper), Account())
        if asked_us is None or message.number <= account.heard:
            return
        account.heard, account.by = message.number, message.who
        if message.holdings is None:
            account.waiting = message.failed or "no reason given"
            self.look_again()
            return
        account.said = message.number, message.holdings
        account.orders_from_us = message.holdings.listed_from_us
        self.ask_ledger(message.platform, message.paper)

    def ask_ledger(self, platform: Platform, paper: bool) -> None:  # noqa: FBT001 -- an account's key
        """The ledger's side of what the venue has said, unless that is too long ago."""
        account = self.accounts[platform, paper]
        if account.said is None or account.said[0] not in self.asked:
            return
        number, venue = account.said
        orders = (*venue.orders, *account.strangers)
        ids = frozenset(order.client_id for order in orders if order.client_id)
        self.send(self.roles["ledger"], LedgerAsked(number, platform, paper, self.asked[number], ids))

    @handles(LedgerTold)
    def ledger_told(self, message: LedgerTold, _sender: Address) -> None:
        """Both sides are here."""
        account = self.accounts[message.platform, message.paper]
        if account.said is None or account.said[0] != message.number:
            return
        number, venue = account.said
        settled = settled_now(venue, message.ledger)
        if settled and number != account.settling:
            # Written down first, and compared when it is: once a question.
            account.settling = number
            self.settle(message, account.by, settled)
            return
        account.said, account.number = None, number
        found = compare(message.platform, venue, message.ledger, base=account.base, earlier=account.strangers)
        account.at_us = account.since_us = self.asked[number]
        account.waiting = None
        account.base, account.tolerated = found.base, found.tolerated
        account.strangers = found.strangers[:MAX_EPISODES]
        account.moving = tuple(sorted(found.moving))
        self.take(message.platform, account, found, paper=message.paper)

    def settle(self, message: LedgerTold, source: str, settled: Iterable[SettledMarket]) -> None:
        """A venue has paid out what the ledger holds there, contract for contract: that is a fact of its own."""
        facts: list[Settled] = []
        for one in settled:
            facts.append(
                Settled(
                    t=self.turn.unix_us,
                    platform=message.platform,
                    market=one.market,
                    value=one.value,
                    paper=message.paper,
                    settled_us=one.t_us,
                    source=source,
                )
            )
            held = f"{quantity_to_wire(one.yes)} yes and {quantity_to_wire(one.no)} no"
            worth = f"yes is worth {show_price(one.value)}"
            self.note(f"{message.platform}: {one.market} has settled, {worth}: {held} were paid out")
        self.writings += 1
        self.settling[self.writings] = (message.platform, message.paper)
        if len(self.settling) > MAX_ASKED:
            del self.settling[next(iter(self.settling))]
        self.send(self.roles["ledger"], Record(tuple(facts), number=self.writings))

    @handles(FactsKept)
    def facts_kept(self, message: FactsKept, _sender: Address) -> None:
        """The settlements are in the ledger: ask it again about the same answer of the venue."""
        key = self.settling.pop(message.number, None)
        if key is not None:
            self.ask_ledger(*key)

    def take(self, platform: Platform, account: Account, found: Comparison, *, paper: bool) -> None:
        """Open, go on with and end episodes."""
        now = {(difference.kind, difference.what): difference for difference in found.differences}
        for key, episode in list(account.episodes.items()):
            if key not in now and not self.held_back(key, found):
                del account.episodes[key]
                if episode.told:
                    self.note(f"{platform}: {key[0].value} {key[1]} agrees again".replace("  ", " "))
        account.more = 0
        for key, difference in now.items():
            known = account.episodes.get(key)
            if known is not None:
                known.difference, known.seen = difference, known.seen + 1
            elif len(account.episodes) < MAX_EPISODES:
                known = account.episodes[key] = Episode(difference, self.turn.unix_us)
            else:
                account.more += 1
                continue
            if known.seen < SURE:
                self.look_again()
            elif not known.told:
                known.told = True
                self.tell(platform, difference, paper=paper)

    @staticmethod
    def held_back(key: tuple[DriftKind, str], found: Comparison) -> bool:
        """Of a market that moves nothing is known now, so what was found before stands."""
        return key[0] is DriftKind.POSITION and key[1].partition(" ")[0] in found.moving

    def look_again(self) -> None:
        """Once more, soon."""
        if not self.again:
            self.again = True
            self.send(self.roles["clock"], StartTimer(min(AGAIN_US, self.config.every_us), AGAIN))

    def tell(self, platform: Platform, found: Difference, *, paper: bool) -> None:
        """Say it once; of money, and where more than cash differs, a person is woken."""
        where = f"{platform}{' (paper)' if paper else ''}"
        about = f"{found.kind.value} {found.what}".rstrip()
        text = f"{where}, {about}: the venue has {found.venue}, the ledger {found.ledger}; likely {found.reason}"
        serious = not paper and found.kind is not DriftKind.CASH
        level = "error" if serious else "warning"
        self.note(f"{text}: see arb ledger drift", level=level, count="drift" if serious else None)

    def note(self, text: str, *, level: str = "info", count: str | None = None) -> None:
        """Log it."""
        self.send(self.roles["telemetry"], Note("RECONCILE", text, level, count=count))

    # -- for people ------------------------------------------------------------------------------------------

    @handles(Describe)
    def describe(self, _message: Describe, sender: Address) -> None:
        """Each account, what differs there, and who says nothing."""
        data: dict[str, Any] = {
            "every_s": self.config.every_us // 1_000_000,
            "accounts": [
                self.account_record(platform, account, paper=paper)
                for (platform, paper), account in sorted(self.accounts.items())
            ],
            "silent": self.silent(),
        }
        self.send(sender, Description("reconciliation", data))

    def account_record(self, platform: Platform, account: Account, *, paper: bool) -> dict[str, Any]:
        """One account, plain values."""
        return {
            "platform": platform,
            "money": "paper" if paper else "real",
            "by": account.by,
            "compared_at_us": account.at_us,
            "age_s": None if account.at_us is None else max(0, self.turn.unix_us - account.at_us) // 1_000_000,
            "not_comparable": account.waiting,
            "orders_from_us": account.orders_from_us,
            "moving": list(account.moving),
            "tolerated": [
                {"market": one.market, "contracts": quantity_to_wire(one.contracts), "unknown_legs": list(one.legs)}
                for one in account.tolerated
            ],
            "differences": [_episode_record(episode) for episode in account.episodes.values()],
            "more": account.more,
            "cash_base_usd": None if account.base is None else money_to_dollars(Money(account.base.venue)),
        }

    def silent(self) -> dict[str, str]:
        """Platforms whose accounts nobody compares, and why."""
        why: dict[str, str] = {}
        for platform, path in sorted(self.paths.items()):
            if path.holdings:
                if not any(name == platform and account.heard for (name, _), account in self.accounts.items()):
                    why[platform] = f"{path.trader} was asked and has not answered"
            elif path.level < WIRE_VERSION:
                why[platform] = f"{path.trader} speaks level 1 and cannot be asked"
            else:
                why[platform] = f"{path.trader} does not answer that question"
        return why


def _episode_record(episode: Episode) -> dict[str, Any]:
    found = episode.difference
    return {
        "kind": found.kind.value,
        "what": found.what,
        "venue": found.venue,
        "ledger": found.ledger,
        "since_us": episode.since_us,
        "seen": episode.seen,
        "reason": found.reason,
        "fix": found.fix,
    }
