"""Platform to connected traders: who is there, which of them gets the next leg, and that none leaves by halves."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from actors.base import ActorFailed, Address, GuardedActor, handles
from actors.cash_messages import CashAsked
from actors.halt_roll import HaltRoll
from actors.holdings_messages import HoldingsAsked
from actors.market_messages import MarketsAsked
from actors.messages import (
    AckLeg,
    Attach,
    CloseLink,
    Connected,
    Describe,
    Description,
    Directory,
    Drained,
    IsConnected,
    LegOrder,
    LegsNotSent,
    LinkOpened,
    Note,
    PathInfo,
    PathsChanged,
    QueryLeg,
    Registered,
    SendLegs,
    SessionLost,
    StopTrading,
    TestRegister,
    TestUnregister,
    Unregistered,
)
from actors.risk.approval import Approval, NotApproved
from actors.risk_messages import HaltingAsked, LegsTaken, NoLegsTaken, TakeLegs, TakeNoLegs
from actors.session_questions import SessionSetup
from actors.trader_session import TraderSession
from protocol.terms import WIRE_VERSION, Platform


class RouterSetup(msgspec.Struct, frozen=True):
    """What every session says in its hello."""

    platforms: tuple[Platform, ...]
    dry_run: bool
    controller_id: str
    heartbeat_us: int
    rehearsal: bool = False


class Route(msgspec.Struct, frozen=True):
    """One way to a venue: a registered session, or a test's inbox."""

    info: PathInfo
    session: Address


class Router(GuardedActor):
    """Guarantees: of the legs handed in together all are passed to a session, or none is."""

    def __init__(self) -> None:
        """No traders."""
        super().__init__()
        self.config: RouterSetup
        self.roles: dict[str, Address] = {}
        self.sessions: dict[int, Address] = {}
        self.routes: dict[Platform, list[Route]] = {}
        self.next_test_conn = -1
        self.stopping = False
        self.roll = HaltRoll()

    @handles(RouterSetup)
    def setup(self, message: RouterSetup, _sender: Address) -> None:
        """Take the hello."""
        self.config = message

    @handles(Directory)
    def directory(self, message: Directory, _sender: Address) -> None:
        """Learn who is who; a new executor must hear of the paths, a new bridge has lost the connections."""
        before, self.roles = self.roles, dict(message.roles)
        for session in self.sessions.values():
            self.send(session, message)
        if before and before.get("bridge") != self.roles["bridge"]:
            for conn_id in list(self.sessions):
                self.forget(conn_id, "the bridge was restarted")
                self.send(self.roles["bridge"], CloseLink(conn_id, "the bridge was restarted", code=1011))
        self.publish()

    # -- connections -----------------------------------------------------------------------------------------

    @handles(LinkOpened)
    def opened(self, message: LinkOpened, _sender: Address) -> None:
        """Make the connection's session; it registers when its hello is done."""
        session = self.spawn(TraderSession, f"session #{message.conn_id}")
        self.sessions[message.conn_id] = session
        self.send(session, Directory(self.roles))
        self.send(self.roles["bridge"], Attach(message.conn_id, session))
        setup = SessionSetup(
            conn_id=message.conn_id,
            peer=message.peer,
            platforms=self.config.platforms,
            dry_run=self.config.dry_run,
            controller_id=self.config.controller_id,
            session_id=f"{self.config.controller_id}-{message.conn_id}",
            heartbeat_us=self.config.heartbeat_us,
            rehearsal=self.config.rehearsal,
        )
        self.send(session, setup)

    @handles(Registered)
    def registered(self, message: Registered, sender: Address) -> None:
        """A trader is ready. The first of a platform is active, later ones stand by, the same one again goes before.

        A trader that registers again has lost its earlier connection, whether that knows it yet or not.
        """
        # Before anything that a new path may be used for: whether it may be used at all.
        self.send(sender, self.roll.standing)
        trader = message.paths[0].trader
        for conn_id in [each for each in self.sessions if self.is_older(each, trader, message.paths[0])]:
            self.note(f"#{conn_id} ends: {trader} has a newer session", level="warning", count="sessions_replaced")
            self.send(self.roles["bridge"], CloseLink(conn_id, "a newer session of this trader is registered"))
        self.add(message.paths, sender)

    def is_older(self, conn_id: int, trader: str, newest: PathInfo) -> bool:
        """Whether this connection is an earlier one of the same trader (only a level-2 trader has an id of its own)."""
        return (
            newest.level >= WIRE_VERSION
            and conn_id != newest.conn_id
            and any(
                route.info.conn_id == conn_id and route.info.trader == trader
                for routes in self.routes.values()
                for route in routes
            )
        )

    def add(self, paths: tuple[PathInfo, ...], session: Address) -> None:
        """Add these ways to venues and tell the executor."""
        for info in paths:
            self.roll.came(info)
            routes = self.routes.setdefault(info.platform, [])
            routes[:] = [route for route in routes if route.info.conn_id != info.conn_id]
            # A trader that comes back before its old link is known to be dead takes its own place at once.
            again = [at for at, route in enumerate(routes) if info.level > 1 and route.info.trader == info.trader]
            routes.insert(again[0] if again else len(routes), Route(info, session))
            # One that only sells stands behind those that do all, and before one that takes no leg and can be asked.
            routes.sort(key=lambda route: (route.info.halted, not route.info.reducing))
        self.publish()
        self.tell_halting()

    @handles(Unregistered)
    def unregistered(self, message: Unregistered, sender: Address) -> None:
        """A session ended, or registers nothing after all."""
        if self.sessions.get(message.conn_id) == sender:
            self.forget(message.conn_id, message.reason)

    def forget(self, conn_id: int, reason: str) -> None:
        """No more legs to this connection; what it had not answered is unproven."""
        session = self.sessions.get(conn_id)
        gone = [p for p, routes in self.routes.items() if any(r.info.conn_id == conn_id for r in routes)]
        active = {platform: self.routes[platform][0].info for platform in gone}
        for platform in gone:
            self.routes[platform] = [r for r in self.routes[platform] if r.info.conn_id != conn_id]
            if not self.routes[platform]:
                del self.routes[platform]
                level = "info" if self.stopping else "warning"
                self.note(f"no trader for {platform}: {reason}", level=level, count="platform_lost")
            elif self.routes[platform][0].info != active[platform]:
                self.note(f"{self.routes[platform][0].info.trader} takes over {platform}: {reason}", count="failovers")
        self.roll.went(conn_id, self.turn.mono_us)
        self.publish()
        self.tell_halting()
        self.send(self.roles["executor"], SessionLost(conn_id, reason))
        if "books" in self.roles:
            self.send(self.roles["books"], SessionLost(conn_id, reason))
        if session is not None:
            del self.sessions[conn_id]
            self.retire(session)

    @handles(ActorFailed)
    def session_failed(self, message: ActorFailed, _sender: Address) -> None:
        """A session broke: its connection ends, the trader will come back with a fresh one."""
        self.send(self.roles["controller"], message)
        for conn_id, session in list(self.sessions.items()):
            if session == message.address:
                self.forget(conn_id, f"its session failed: {message.error}")
                self.send(self.roles["bridge"], CloseLink(conn_id, "internal error", code=1011))

    @handles(StopTrading)
    def stop_trading(self, _message: StopTrading, sender: Address) -> None:
        """Traders that we send away ourselves are no loss to warn of."""
        self.stopping = True
        self.send(sender, Drained(0))

    # -- halts -----------------------------------------------------------------------------------------------

    @handles(TakeNoLegs, TakeLegs)
    def stand(self, message: TakeNoLegs | TakeLegs, _sender: Address) -> None:
        """Pass it on to every session, and say whose ack is out."""
        self.roll.standing = message
        for session in self.sessions.values():
            self.send(session, message)
        self.tell_halting()

    @handles(NoLegsTaken, LegsTaken)
    def acked(self, message: NoLegsTaken | LegsTaken, sender: Address) -> None:
        """A trader has done as it was told."""
        conn_id = next((each for each, session in self.sessions.items() if session == sender), None)
        if conn_id is not None:
            self.roll.acked(conn_id, message.number)
            self.tell_halting()
        if isinstance(message, LegsTaken):
            self.send(self.roles["executor"], message)

    @handles(HaltingAsked)
    def halting_asked(self, _message: HaltingAsked, _sender: Address) -> None:
        """Say it again: who is out of reach has been so for longer now."""
        self.tell_halting()

    def tell_halting(self) -> None:
        """While halted, whose ack is waited for and who cannot give one."""
        if isinstance(self.roll.standing, TakeNoLegs):
            self.send(self.roles["executor"], self.roll.halting(self.turn.mono_us, self.config.heartbeat_us))

    # -- legs ------------------------------------------------------------------------------------------------

    @handles(SendLegs)
    def send_legs(self, message: SendLegs, sender: Address) -> None:
        """Pass every leg to its session; where one has none, or nothing allows it, none leaves.

        A leg is written down as sent to one trader: another one that is active by now would execute it, and the first
        one would say that it never came.
        """
        if not isinstance(message.approval, Approval):
            raise NotApproved(f"legs without an approval: {[order.leg.leg_id for order in message.orders]}")
        routes = [self.route_of(order) for order in message.orders]
        missing = {order.leg.platform for order, route in zip(message.orders, routes, strict=True) if route is None}
        if missing:
            reason = f"no trader for {', '.join(sorted(missing))}"
            self.send(sender, LegsNotSent(tuple(order.leg.leg_id for order in message.orders), reason))
            return
        for order, route in zip(message.orders, routes, strict=True):
            if route is not None:
                self.send(route.session, order)

    def route_of(self, order: LegOrder) -> Route | None:
        """The way that the leg is meant to go, if it is still there."""
        routes = self.routes.get(order.leg.platform, [])
        return next((route for route in routes if order.conn_id in {None, route.info.conn_id}), None)

    @handles(QueryLeg)
    def query_leg(self, message: QueryLeg, _sender: Address) -> None:
        """Ask the trader that the leg was sent to, else whoever serves the platform; where nobody does, later again.

        A level-1 peer has no answer to give: it is not asked, and does not stand before one that has.
        """
        routes = [r for r in self.routes.get(message.leg.platform, ()) if r.info.level >= WIRE_VERSION]
        route = next((r for r in routes if r.info.trader == message.sent_to), routes[0] if routes else None)
        if route is not None:
            self.send(route.session, message)

    @handles(CashAsked)
    def ask_cash(self, message: CashAsked, _sender: Address) -> None:
        """Ask whoever gets the next leg of each platform: it is his account that the leg would be paid from."""
        his: dict[int | None, frozenset[Platform]] = {}
        active = {platform: self.routes[platform][0] for platform in sorted(message.platforms & self.routes.keys())}
        for platform, route in active.items():
            his[route.info.conn_id] = his.get(route.info.conn_id, frozenset()) | {platform}
        for route in {route.info.conn_id: route for route in active.values()}.values():
            self.send(route.session, CashAsked(message.number, his[route.info.conn_id], message.markets))

    @handles(HoldingsAsked)
    def ask_holdings(self, message: HoldingsAsked, _sender: Address) -> None:
        """Ask whoever gets the next leg of the platform: his account is the one that is compared."""
        for platform in sorted(message.platforms & self.routes.keys()):
            question = HoldingsAsked(message.number, frozenset({platform}), message.since_us)
            self.send(self.routes[platform][0].session, question)

    @handles(MarketsAsked)
    def ask_markets(self, message: MarketsAsked, _sender: Address) -> None:
        """Ask that trader, as long as the platform's next leg would go to it."""
        route = next(iter(self.routes.get(message.platform, ())), None)
        if route is not None and route.info.conn_id == message.conn_id:
            self.send(route.session, message)

    @handles(AckLeg)
    def ack_leg(self, message: AckLeg, _sender: Address) -> None:
        """Ack on the connection that told; if it is gone the trader tells again on its next one."""
        session = self.sessions.get(message.conn_id) if message.conn_id is not None else None
        if session is not None:
            self.send(session, message)

    def publish(self) -> None:
        """Tell the executor, and who compares accounts, the active path of every platform."""
        active: Mapping[Platform, PathInfo] = {p: routes[0].info for p, routes in self.routes.items() if routes}
        self.send(self.roles["executor"], PathsChanged(active))
        if "reconciler" in self.roles:
            self.send(self.roles["reconciler"], PathsChanged(active))

    # -- tests -----------------------------------------------------------------------------------------------

    @handles(TestRegister)
    def test_register(self, message: TestRegister, _sender: Address) -> None:
        """The seed's `test_register`: the inbox receives every :class:`LegOrder` for the platform."""
        info = PathInfo(
            platform=message.platform,
            conn_id=self.next_test_conn,
            trader="test",
            level=message.level,
            paper=False,
            dry_run=message.dry_run or self.config.dry_run,
        )
        self.next_test_conn -= 1
        self.add((info,), message.inbox)

    @handles(TestUnregister)
    def test_unregister(self, message: TestUnregister, _sender: Address) -> None:
        """As if the fake trader's connection died."""
        for route in list(self.routes.get(message.platform, ())):
            if route.info.conn_id is not None and route.info.conn_id < 0:
                self.forget(route.info.conn_id, "test ended")

    @handles(IsConnected)
    def is_connected(self, message: IsConnected, sender: Address) -> None:
        """Whether a leg for this platform would find a trader."""
        routes = self.routes.get(message.platform, ())
        self.send(sender, Connected(message.platform, tuple(route.info.trader for route in routes)))

    # -- for people ------------------------------------------------------------------------------------------

    @handles(Describe)
    def describe(self, message: Describe, sender: Address) -> None:
        """The routes; each session adds its own line."""
        routes: dict[str, list[str]] = {p: [r.info.trader for r in routes] for p, routes in self.routes.items()}
        self.send(sender, Description("routes", routes))
        for session in self.sessions.values():
            self.send(session, message)

    @handles(Description)
    def description(self, message: Description, _sender: Address) -> None:
        """A session's line, on its way to the document."""
        self.send(self.roles["controller"], message)

    def note(self, text: str, *, level: str = "info", count: str | None = None) -> None:
        """Log under the seed's prefix."""
        self.send(self.roles["telemetry"], Note("REMOTE_EXEC", text, level, count=count))
