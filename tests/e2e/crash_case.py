"""One case of the crash matrix: who dies where, in which of its lives; run to rest, and judged by the books."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

from tests.e2e.captures import (
    CONTRACTS,
    START,
    Line,
    connected,
    kalshi_book,
    polymarket_book,
    ticker,
    write_capture,
    write_pairs,
    yes_token,
)
from tests.e2e.crash_books import problems
from tests.e2e.crash_processes import Life, Nursery
from tests.e2e.processes import PATIENCE_S, Stage, Status, free_port
from transport.ledger.errors import LedgerError

ARBS: Final = 3
PAIRS: Final = 2
GAP_US: Final = 40_000
QUIET_US: Final = 40_000_000
QUIET_GAP_US: Final = 100_000
LOOK_S: Final = 0.03
LOOKS: Final = round(PATIENCE_S / LOOK_S)

REST_LOOKS: Final = 3
"""So many looks in a row must show rest."""

QUICK: Final = {
    "ARB_LEG_TIMEOUT_MS": "300",
    "ARB_ORDER_TTL_MS": "300",
    "ARB_HEARTBEAT_MS": "250",
    "ARB_MAX_CLOCK_OFFSET_MS": "60000",
}
NOTHING_SAID: Final[Status] = {"trades": {"naked": 0}, "recent_trades": [], "dust": []}
SLOW_MS: Final = 150
"""So long a slow ledger takes for each write: many times a leg's way to its venue and back."""

ROLES: Final = ("controller", "trader", "standby")


class Setup(StrEnum):
    """Who executes what, and in which order the legs leave."""

    REMOTE = "one trader for both platforms"
    LOCAL = "the controller executes polymarket, a trader kalshi"
    ALONE = "the controller executes both platforms"
    FIRST = "one trader, polymarket's leg first"
    STANDBY = "two traders for both platforms"
    LIVE = "one live trader for both exchanges"
    LIVE_EACH = "a live trader for polymarket, and one, called standby, for kalshi"

    @property
    def roles(self) -> tuple[str, ...]:
        """The processes."""
        return ROLES[: {Setup.ALONE: 1, Setup.STANDBY: 3, Setup.LIVE_EACH: 3}.get(self, 2)]


class Case(NamedTuple):
    """The crash points of each role's lives, the first life first; a life without one runs to the end."""

    controller: tuple[str | None, ...] = ()
    trader: tuple[str | None, ...] = ()
    standby: tuple[str | None, ...] = ()
    setup: Setup = Setup.REMOTE
    late: bool = False
    slow: bool = False
    fault: str = ""

    @property
    def roles(self) -> tuple[str, ...]:
        """The processes."""
        return self.setup.roles

    def deaths(self, role: str) -> tuple[str | None, ...]:
        """The points of one role."""
        return {"controller": self.controller, "trader": self.trader, "standby": self.standby}[role]

    def places(self) -> list[tuple[str, str]]:
        """Every death: who, and at which point."""
        return [(role, place) for role in self.roles for place in self.deaths(role) if place is not None]

    def then(self, role: str, life: int, point: str) -> Case:
        """The same, and in that life of the role a death at this point."""
        deaths = (*self.deaths(role)[:life], *[None] * (life - len(self.deaths(role))), point)
        match role:
            case "controller":
                return self._replace(controller=deaths)
            case "trader":
                return self._replace(trader=deaths)
            case _:
                return self._replace(standby=deaths)

    def __str__(self) -> str:
        deaths = {role: ", then ".join(filter(None, self.deaths(role))) for role in self.roles}
        told = [f"{role} dies at {points}" for role, points in deaths.items() if points] or ["nobody dies"]
        told += ["every leg is late"] * self.late + ["the ledger is slow"] * self.slow
        told += [f"polymarket's fault is {self.fault}"] * bool(self.fault)
        return "; ".join(told if self.setup is Setup.REMOTE else [*told, self.setup])


class Verdict(NamedTuple):
    """What came out: the points reached by role and life, what is wrong, and whether every death happened."""

    case: Case
    reached: dict[tuple[str, int], list[str]]
    wrong: list[str]
    missed: bool


def market(arbs: int = ARBS, pairs: int = PAIRS, gap_us: int = GAP_US, quiet_gap_us: int = QUIET_GAP_US) -> list[Line]:
    """Arbs going round the pairs, then books without one, on which an excess can be closed either way."""
    lines, t = connected(START), START
    for index in range(arbs):
        t, number = START + (index + 1) * gap_us, index % pairs
        lines += [kalshi_book(t, number, index + 1), polymarket_book(t, number)]
        lines += [polymarket_book(t + gap_us // 2, number, 0)]
    seq = arbs
    for quiet in range(t + gap_us, t + QUIET_US, quiet_gap_us):
        for number in range(pairs):
            seq += 1
            lines += quiet_books(quiet, number, seq)
    return lines


def quiet_books(t: int, number: int, seq: int) -> list[Line]:
    """YES at 45c to buy and 38c to sell on Polymarket, NO at 65c to buy on Kalshi: no arb, but a way out."""
    size = f"{CONTRACTS * 5}.00"
    sides = {"yes_dollars_fp": [["0.35", size]], "no_dollars_fp": [["0.48", size]]}
    kalshi = {"type": "orderbook_snapshot", "sid": 1, "seq": seq, "msg": {"market_ticker": ticker(number), **sides}}
    book = {"bids": [{"price": "0.38", "size": size}], "asks": [{"price": "0.45", "size": size}]}
    polymarket = {"event_type": "book", "asset_id": yes_token(number), "market": "0x", **book}
    return [
        {"t": t, "venue": "kalshi", "frame": json.dumps(kalshi)},
        {"t": t, "venue": "polymarket", "frame": json.dumps(polymarket)},
    ]


class Run:
    """A home with the processes of a case in it, each of which is started again when it dies as told."""

    def __init__(self, nursery: Nursery, case: Case, home: Path) -> None:
        self.nursery, self.case, self.home = nursery, case, home
        quick = QUICK | ({"ARB_ORDER_TTL_MS": "1"} if case.late else {})
        self.env = Stage(home, quick).env
        self.env |= {"CRASH_HOLD": f"receive init_ack:after#{len(case.roles) - 1}"} | (
            {"CRASH_SLOW_MS": str(SLOW_MS)} if case.slow else {}
        )
        self.words = words(case.setup, home)
        self.lives: dict[str, list[Life]] = {role: [] for role in case.roles}
        self.played = False

    def begin(self, role: str) -> None:
        """The next life of a role."""
        number, deaths = len(self.lives[role]), self.case.deaths(role)
        fatal = deaths[number] if number < len(deaths) else None
        life = Life(self.nursery, self.words[role], self.env, f"{role}-{number}", fatal, role)
        self.lives[role].append(life)

    def begin_all(self) -> None:
        """Everybody, the standby when the other trader is connected, so that it stands by."""
        for role in self.case.roles:
            if role == "standby":
                self.first_trader_greets()
            self.begin(role)

    def first_trader_greets(self) -> None:
        """Wait until it has been greeted, or somebody has died before that."""
        controller, trader = self.lives["controller"][-1], self.lives["trader"][-1]
        for _ in range(LOOKS):
            if "receive init:after#1" in trader.points() or not (controller.alive() and trader.alive(LOOK_S)):
                return

    def all_lives(self) -> Iterator[Life]:
        """Every process there was."""
        for role in self.case.roles:
            yield from self.lives[role]

    def away(self) -> list[str]:
        """Who has died as told; whoever else ended is a failure."""
        gone = [role for role in self.case.roles if not self.lives[role][-1].alive()]
        for life in (self.lives[role][-1] for role in gone):
            if not life.died_as_told():
                raise AssertionError(f"{life.name} ended by itself")
        return gone

    def revive(self) -> None:
        """Start again who died; but a trader that has a standby stays away, lest it should do the other's work."""
        away = self.away()
        served = self.case.setup is Setup.STANDBY and self.played and not {"trader", "standby"} <= set(away)
        for role in away:
            if role == "controller" or not served:
                self.begin(role)

    def pending(self) -> bool:
        """Somebody is still to die."""
        return any(len(self.lives[role]) <= len(self.case.deaths(role)) for role in self.case.roles)

    def to_rest(self) -> Status | None:
        """Wait until everything is over and proven; the controller's word then, None where that does not come.

        Who was away until then comes back, and must change nothing.
        """
        quiet = 0
        for _ in range(LOOKS):
            self.revive()
            controller = self.lives["controller"][-1].status()
            self.played = any(feed["frames"] for feed in controller.get("feeds", ()))
            away = self.away()
            traders = [self.lives[role][-1].status() for role in self.case.roles[1:] if role not in away]
            quiet = quiet + 1 if self.rests(controller, traders) else 0
            if quiet >= REST_LOOKS and not away:
                return controller
            if quiet >= REST_LOOKS:
                quiet, self.played = 0, False
                self.revive()
            self.lives["controller"][-1].alive(LOOK_S)
        return None

    def rests(self, controller: Status, traders: Sequence[Status]) -> bool:
        """Whether nothing is going on by their words."""
        return at_rest(controller, traders)

    def problems(self, last: Status) -> list[str]:
        """What the books show to be torn."""
        return problems(self.home, last)

    def judge(self) -> Verdict:
        """Run it, stop it, and look into the books."""
        last, wrong = None, []
        try:
            last = self.through_all_deaths()
        except AssertionError as error:
            wrong.append(str(error))
        finally:
            for life in self.all_lives():
                life.kill()
        # Without rest what is torn shows where to look; a home that never had a ledger shows nothing.
        with suppress(LedgerError):
            wrong += self.problems(last or NOTHING_SAID)
        for life in self.all_lives():
            wrong += life.complaints()
        missed = self.pending() and not wrong
        if wrong:
            wrong += [life.shown() for life in self.all_lives()]
        reached = {
            (role, number): life.points() for role in self.case.roles for number, life in enumerate(self.lives[role])
        }
        return Verdict(self.case, reached, wrong, missed)

    def through_all_deaths(self) -> Status:
        """Run to rest and stop, and again when somebody died while it stopped; the controller's last word at rest."""
        while True:
            self.begin_all()
            last = self.to_rest()
            for role in self.case.roles:
                self.lives[role][-1].stop()
            if last is None:
                raise AssertionError(f"no rest: {said_last(self.lives)}")
            if not any(self.lives[role][-1].died_as_told() for role in self.case.roles):
                return last


def words(setup: Setup, home: Path) -> dict[str, tuple[str, ...]]:
    """The command of each role."""
    bind = f"127.0.0.1:{free_port()}"
    capture = write_capture(home / "arbs.jsonl", market())
    pairs = write_pairs(home / "pairs.toml", range(PAIRS))
    feed = ("--feed", f"replay:{capture}", "--pairs", str(pairs))
    more = {
        Setup.LOCAL: ("--local", "polymarket"),
        Setup.ALONE: ("--local", "kalshi,polymarket"),
        Setup.FIRST: ("--dispatch", "first:polymarket"),
    }.get(setup, ())
    only = {
        Setup.LOCAL: {"trader": ("--platform", "kalshi")},
        Setup.LIVE_EACH: {"trader": ("--platform", "polymarket"), "standby": ("--platform", "kalshi")},
    }.get(setup, {})
    link = ("--url", f"ws://{bind}")
    traders = {role: ("run", "trader", "--name", role, *link, *only.get(role, ())) for role in setup.roles[1:]}
    return {"controller": ("run", "controller", "--bind", bind, *feed, *more), **traders}


def said_last(lives: dict[str, list[Life]]) -> str:
    """Why there is no rest."""
    return "; ".join(f"{role} ended with {lives[role][-1].text()[-1:]}" for role in lives)


def at_rest(controller: Status, traders: Sequence[Status], arbs: int = ARBS) -> bool:
    """All arbs were shown; nothing open but what is flagged naked, nothing unknown, nothing unwritten or unacked."""
    rules: tuple[Callable[[], bool], ...] = (
        lambda: bool(controller and all(traders)),
        lambda: all(feed["frames"] > 2 * arbs for feed in controller["feeds"] if feed["platform"] == "polymarket"),
        lambda: set(controller["paths"]) == {"kalshi", "polymarket"},
        lambda: controller["trades"]["open"] == controller["trades"]["naked"],
        lambda: not controller["unknown"] and controller["recovering"] <= controller["trades"]["naked"],
        lambda: not controller["ledger"]["behind"],
        lambda: all(executes_nothing(said) for said in (controller, *traders)),
    )
    return all(rule() for rule in rules)


def executes_nothing(said: Status) -> bool:
    """No trader of this process has an open leg, an unproven one, or a result that was not acked."""
    busy = any(one["unknown_legs"] or one["open_legs"] for one in said.get("traders", ()))
    return not busy and not said.get("journal", {}).get("depth")


def play(nursery: Nursery, case: Case) -> Verdict:
    """One case, in a home of its own."""
    with tempfile.TemporaryDirectory(prefix="arb-crash-") as home:
        return Run(nursery, case, Path(home)).judge()
