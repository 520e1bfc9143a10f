"""What a trader's end of the wire says of itself: its hello, its status, and the cash of its accounts."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from actors.base import Address, GuardedActor, handles
from actors.cash_messages import CashAsked, CashSaid
from actors.clock_samples import ClockSamples
from actors.leg_answers import mode_of, seed_ack
from actors.leg_words import REHEARSAL
from actors.uplink_setup import UplinkSetup
from actors.wire_cash import cash_answer
from protocol.terms import WIRE_VERSION, LegId, Platform
from protocol.wire import CashQuery, Init, InitAck, StatusReport, WireMessage

MAX_CASH_ASKED: Final = 16
"""Questions about cash whose answer is still passed on; a later answer to an earlier one is not news."""


class UplinkWords(GuardedActor):
    """Guarantees: cash is told on the connection on which it was asked for, and on no later one."""

    def __init__(self) -> None:
        """No controller yet."""
        super().__init__()
        self.config: UplinkSetup
        self.roles: dict[str, Address] = {}
        self.conn_id: int | None = None
        self.init: Init | None = None
        self.agreed: frozenset[Platform] = frozenset()
        self.out_of_service: str | None = None
        self.outages: dict[Platform, str] = {}
        """Venues to which no order can leave, and why."""
        self.halted = self.reducing = False
        self.unanswered: set[LegId] = set()
        self.offsets = ClockSamples()
        self.unacked: dict[LegId, int] = {}
        self.owners: dict[LegId, str] = {}
        self.cash_asked: dict[int, tuple[int, int]] = {}
        """By a number of our own: the connection that asked, and the controller's number."""
        self.cash_count = 0

    # -- for the uplink to fill in -----------------------------------------------------------------------------

    @property
    def level(self) -> int:
        """The wire level both ends speak on this connection."""
        return min((self.init.protocol if self.init else None) or 1, WIRE_VERSION)

    def write(self, message: WireMessage) -> None:
        """Hand a message to the bridge."""
        raise NotImplementedError

    # -- the hello ---------------------------------------------------------------------------------------------

    def is_theirs(self, leg_id: LegId) -> bool:
        """Whether this controller may be told: another one's ledger would make a second trade of it."""
        owner = self.owners.get(leg_id)
        return owner is None or (self.init is not None and owner == self.init.controller_id)

    @property
    def theirs_unacked(self) -> int:
        """Results of this controller's that it has not acked."""
        return sum(1 for leg_id in self.unacked if self.is_theirs(leg_id))

    def withheld(self) -> dict[str, int]:
        """How many results wait for another controller than this one, by its id."""
        return dict(Counter(self.owners[leg_id] for leg_id in self.unacked if not self.is_theirs(leg_id)))

    def init_ack(self, init: Init, common: frozenset[Platform]) -> InitAck:
        """Our answer; its level-2 part only to a controller that speaks level 2."""
        if self.level < WIRE_VERSION:
            why = {} if self.out_of_service is None else {"error": self.out_of_service}
            return seed_ack(self.config.platforms, init, common, **why)
        more = {
            "protocol": WIRE_VERSION,
            "trader_id": self.config.trader_id,
            "unacked": self.theirs_unacked,
            "dry_run": self.config.dry_run,
            "paper": sorted(self.paper(init) & common),
            "max_leg_notional": self.config.max_leg_notional,
            "cash": True,
            **({"rehearsal": True} if self.config.rehearsal else {}),
            "holdings": True,
        }
        markets = (self.config.markets - self.paper(init)) & common
        if markets:
            more["markets"] = sorted(markets)
        if bool(init.rehearsal) is not self.config.rehearsal:
            more["error"] = REHEARSAL
        return seed_ack(self.config.platforms, init, common, **more)

    def paper(self, init: Init) -> frozenset[Platform]:
        """In a dry run every platform is filled on paper."""
        return self.config.platforms if self.config.dry_run or init.dry_run else self.config.paper

    def mode(self) -> str:
        """Dry or live, and which end made it dry."""
        return mode_of(self.config.dry_run, self.init)

    # -- the status --------------------------------------------------------------------------------------------

    def status_report(self) -> StatusReport:
        """A snapshot for the controller, and for its operator."""
        paper = self.config.platforms if self.init is None else self.paper(self.init)
        out = {platform: why for platform, why in self.outages.items() if platform not in paper}
        said: dict[str, Any] = {"venues": out} if out else {}
        return StatusReport.model_construct(
            **said,
            platforms=sorted(self.config.platforms),
            dry_run=self.config.dry_run or self.init is None or self.init.dry_run,
            dry_run_by=self.mode(),
            halted=self.halted or self.out_of_service is not None,
            reducing=self.reducing and self.out_of_service is None,
            open_legs=len(self.unanswered),
            clock_offset_ms=self.offsets.best_ms,
        )

    # -- cash --------------------------------------------------------------------------------------------------

    def ask_cash(self, query: CashQuery) -> None:
        """The controller wants to know what there is to be spent."""
        if self.conn_id is None or self.init is None:
            return
        self.cash_count += 1
        self.cash_asked[self.cash_count] = (self.conn_id, query.number)
        if len(self.cash_asked) > MAX_CASH_ASKED:
            del self.cash_asked[next(iter(self.cash_asked))]
        platforms = self.agreed & set(query.platforms)
        self.send(self.roles["trader"], CashAsked(self.cash_count, platforms, tuple(query.markets)))

    @handles(CashSaid)
    def cash_said(self, message: CashSaid, _sender: Address) -> None:
        """A venue's word; another controller than the one that asked would take it for an answer to its own."""
        conn_id, number = self.cash_asked.get(message.number, (None, 0))
        if conn_id is None or conn_id != self.conn_id:
            return
        self.write(cash_answer(message, number))
