"""One case of the crash matrix: who dies where, in which of its lives; run to rest, and judged by the books."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
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
ROLES: Final = ("controller", "trader")


class Case(NamedTuple):
    """The crash points of each role's lives, the first life first; a life without one runs to the end."""

    controller: tuple[str | None, ...] = ()
    trader: tuple[str | None, ...] = ()
    late: bool = False

    def deaths(self, role: str) -> tuple[str | None, ...]:
        """The points of one role."""
        return self.controller if role == "controller" else self.trader

    def then(self, role: str, life: int, point: str) -> Case:
        """The same, and in that life of the role a death at this point."""
        deaths = list(self.deaths(role)[:life]) + [None] * (life - len(self.deaths(role))) + [point]
        return self._replace(controller=tuple(deaths)) if role == "controller" else self._replace(trader=tuple(deaths))

    def __str__(self) -> str:
        deaths = {role: ", then ".join(filter(None, self.deaths(role))) for role in ROLES}
        told = [f"{role} dies at {points}" for role, points in deaths.items() if points]
        return "; ".join(told) or ("nobody dies, every leg is late" if self.late else "nobody dies")


class Verdict(NamedTuple):
    """What came out: the points reached by role and life, what is wrong, and whether every death happened."""

    case: Case
    reached: dict[tuple[str, int], list[str]]
    wrong: list[str]
    missed: bool
    trades: int


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
    """A home with a controller and a trader in it, each of which is started again when it dies as told."""

    def __init__(self, nursery: Nursery, case: Case, home: Path) -> None:
        self.nursery, self.case, self.home = nursery, case, home
        quick = QUICK | ({"ARB_ORDER_TTL_MS": "1"} if case.late else {})
        self.env = Stage(home, **quick).env
        bind = f"127.0.0.1:{free_port()}"
        capture = write_capture(home / "arbs.jsonl", market())
        pairs = write_pairs(home / "pairs.toml", range(PAIRS))
        feed = ("--feed", f"replay:{capture}", "--pairs", str(pairs))
        self.words = {
            "controller": ("run", "controller", "--bind", bind, *feed),
            "trader": ("run", "trader", "--name", "desk", "--url", f"ws://{bind}"),
        }
        self.lives: dict[str, list[Life]] = {"controller": [], "trader": []}

    def begin(self, role: str) -> None:
        """The next life of a role."""
        number, deaths = len(self.lives[role]), self.case.deaths(role)
        fatal = deaths[number] if number < len(deaths) else None
        life = Life(self.nursery, self.words[role], self.env, f"{role}-{number}", fatal)
        self.lives[role].append(life)

    def all_lives(self) -> Iterator[Life]:
        """Every process there was."""
        for role in ROLES:
            yield from self.lives[role]

    def revive(self) -> None:
        """Start again who died as told; whoever else ended is a failure."""
        for role in ROLES:
            life = self.lives[role][-1]
            if not life.alive():
                if not life.died_as_told():
                    raise AssertionError(f"{life.name} ended by itself")
                self.begin(role)

    def pending(self) -> bool:
        """Somebody is still to die."""
        return any(len(self.lives[role]) <= len(self.case.deaths(role)) for role in ROLES)

    def to_rest(self) -> Status | None:
        """Wait until everything is over and proven; the controller's word then, None where that does not come."""
        quiet = 0
        for _ in range(LOOKS):
            self.revive()
            said = {role: self.lives[role][-1].status() for role in ROLES}
            quiet = quiet + 1 if at_rest(said["controller"], said["trader"]) else 0
            if quiet >= REST_LOOKS:
                return said["controller"]
            self.lives["controller"][-1].alive(LOOK_S)
        return None

    def judge(self) -> Verdict:
        """Run it, stop it, and look into the books."""
        wrong, trades = [], 0
        try:
            last = self.through_all_deaths()
        except AssertionError as error:
            wrong.append(str(error))
        else:
            trades = last["trades"]["hedged"]
            wrong += problems(self.home, last)
        finally:
            for life in self.all_lives():
                life.kill()
        for life in self.all_lives():
            wrong += life.complaints()
        missed = self.pending() and not wrong
        if wrong:
            wrong += [life.shown() for life in self.all_lives()]
        reached = {(role, number): life.points() for role in ROLES for number, life in enumerate(self.lives[role])}
        return Verdict(self.case, reached, wrong, missed, trades)

    def through_all_deaths(self) -> Status:
        """Run to rest and stop, and again when somebody died while it stopped; the controller's last word at rest."""
        while True:
            for role in ROLES:
                self.begin(role)
            last = self.to_rest()
            for role in ROLES:
                self.lives[role][-1].stop()
            if last is None:
                raise AssertionError(f"no rest: {said_last(self.lives)}")
            if not any(self.lives[role][-1].died_as_told() for role in ROLES):
                return last


def said_last(lives: dict[str, list[Life]]) -> str:
    """Why there is no rest."""
    return "; ".join(f"{role} ended with {lives[role][-1].text()[-1:]}" for role in ROLES)


def at_rest(controller: Status, trader: Status, arbs: int = ARBS) -> bool:
    """All arbs were shown; nothing open but what is flagged naked, nothing unknown, nothing unwritten or unacked."""
    rules: tuple[Callable[[], bool], ...] = (
        lambda: bool(controller and trader),
        lambda: all(feed["frames"] > 2 * arbs for feed in controller["feeds"] if feed["platform"] == "polymarket"),
        lambda: set(controller["paths"]) == {"kalshi", "polymarket"},
        lambda: controller["trades"]["open"] == controller["trades"]["naked"],
        lambda: not controller["unknown"] and controller["recovering"] <= controller["trades"]["naked"],
        lambda: not controller["ledger"]["behind"],
        lambda: not any(one["unknown_legs"] or one["open_legs"] for one in trader["traders"]),
        lambda: not trader["journal"]["depth"],
    )
    return all(rule() for rule in rules)


def play(nursery: Nursery, case: Case) -> Verdict:
    """One case, in a home of its own."""
    with tempfile.TemporaryDirectory(prefix="arb-crash-") as home:
        return Run(nursery, case, Path(home)).judge()
