"""A mad controller: it has the token, finds a trader, and asks it for whatever comes to its mind.

It asks for orders beyond every limit, uses ids of other controllers with other contents, resumes what it never halted,
halts, buries ids, acks what it never recorded, says hello again as somebody else, and sends garbage. It knows more than
a stranger could: which legs the honest controller has sent, and which id it will give next.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from actors.base import Address, GuardedActor
from actors.messages import LinkClosed, LinkOpened, LinkText
from market.pair import Pair
from protocol.terms import KALSHI, PLATFORMS, LegId
from simulation.world.late_draws import NO_NAME, OWN_NAME, STOLEN_NAME
from simulation.world.network import kind_of
from simulation.world.process import SECOND_US, ControllerMachine, Killed, Process, Surroundings
from simulation.world.trader_machine import TraderMachine
from transport.host import ActorHost

NAME: Final = "mad"

SIZES: Final = (0.01, 1, 3, 5, 10, 20, 25, 40, 100, 5_000, 99_999_999, 1e30, -5, 0, "many", None)
PRICES: Final = (1, 5, 20, 40, 50, 60, 80, 95, 99, 99.99, 0, 100, -3, 1e9, "cheap")
NUMBERS: Final = (0, 1, 2, 7, 2**31, 2**63 - 1, 2**63, -1, 1e300, None)
GARBAGE: Final = (
    "{",
    "[]",
    "null",
    '{"type":',
    '{"type": 7}',
    '{"type": "execute_leg"}',
    '{"type": "leg_ack", "leg_id": {}, "revision": []}',
    '{"type": "become_root", "now": true}',
    '{"type": "init", "platforms": "all of them"}',
    "\x00" * 20,
    '{"a":' * 200 + "1" + "}" * 200,
)


class Dealing:
    """A trader whose link the mad one has, and as whom."""

    def __init__(self, trader: TraderMachine, how: str) -> None:
        """Since now."""
        self.trader = trader
        self.how = how


class MadController(Process):
    """The station that traders connect to. ``named``: ids that it has asked for, asked about or acked."""

    def __init__(self, around: Surroundings, pairs: Sequence[Pair], honest: Callable[[], ControllerMachine]) -> None:
        """It waits. ``honest`` is the controller whose traders these are."""
        super().__init__(around, NAME)
        self.pairs = pairs
        self.honest = honest
        self.links: dict[int, Dealing] = {}
        self.expected: dict[str, Dealing] = {}
        self.named: set[LegId] = set()
        self.asked: set[LegId] = set()
        self.did: Counter[str] = Counter()
        self.names: set[str] = set()
        self.count = 0
        self.alone = False
        """The trader it has is the only one there is, so an id that it forges is that of no other's order."""

    def build(self, host: ActorHost) -> Address:
        """Have no actors."""
        return host.system.createActor(GuardedActor)

    # -- links -----------------------------------------------------------------------------------------------

    def expect(self, trader: TraderMachine, how: str) -> None:
        """Meet that trader so when it comes."""
        self.names.add(how)
        self.expected[trader.name] = Dealing(trader, how)

    def leave(self, trader: TraderMachine) -> None:
        """Give that link up."""
        self.expected.pop(trader.name, None)
        for conn_id, dealing in list(self.links.items()):
            if dealing.trader is trader:
                self.drop(conn_id, "the mad one leaves")

    def tell(self, role: str, message: object) -> None:  # noqa: ARG002 -- there is only one role here
        """Hear from the network."""
        if not self.alive:
            return
        try:
            match message:
                case LinkOpened(conn_id=conn_id, peer=peer):
                    self._meet(conn_id, peer.rpartition(":")[0])
                case LinkText(conn_id=conn_id, text=text):
                    self._hear(conn_id, json.loads(text))
                case LinkClosed(conn_id=conn_id):
                    self.links.pop(conn_id, None)
                case _:
                    pass
        except Killed:
            self.die()

    def _meet(self, conn_id: int, trader: str) -> None:
        dealing = self.expected.get(trader)
        if dealing is None:
            self.drop(conn_id, "nobody was expected")
            return
        self.links[conn_id] = dealing
        self._hello(conn_id, dealing)
        self._soon(conn_id)

    def _hear(self, conn_id: int, frame: dict[str, Any]) -> None:
        if frame["type"] == "ping" and self.rng.random() < 0.9:  # noqa: PLR2004 -- mostly
            pong = {"type": "pong", "timestamp": frame["timestamp"]}
            if self.rng.random() < 0.5 and "sent_us" in frame:  # noqa: PLR2004 -- a clock that is right, or none
                pong |= {"sent_us": frame["sent_us"], "at_us": self.unix_us()}
            self._write(conn_id, pong)
        elif frame["type"] == "leg_result" and self.rng.random() < 0.5:  # noqa: PLR2004 -- as it likes
            self._ack(conn_id, LegId(frame["leg_id"]), frame.get("revision") or 0)

    def _soon(self, conn_id: int) -> None:
        wait = self.rng.choice((5_000, 50_000, 400_000, SECOND_US))
        self.kernel.after(1 + self.rng.randrange(wait), partial(self._again, conn_id, self.epoch))

    def _again(self, conn_id: int, epoch: int) -> None:
        dealing = self.links.get(conn_id)
        if dealing is None or epoch != self.epoch or not self.alive:
            return
        deeds: tuple[Callable[[int, Dealing], None], ...] = (
            self._order,
            self._order,
            self._order,
            self._burst,
            self._order_again,
            self._forge,
            self._bury,
            self._ack_something,
            self._halt,
            self._resume,
            self._hello,
            self._garbage,
            self._resume_and_order,
        )
        deed = self.rng.choice(deeds)
        self.did[deed.__name__.strip("_")] += 1
        deed(conn_id, dealing)
        self._soon(conn_id)

    def _write(self, conn_id: int, frame: dict[str, Any]) -> None:
        if conn_id in self.links:
            self.send(conn_id, json.dumps(frame, separators=(",", ":")))

    # -- deeds -----------------------------------------------------------------------------------------------

    def _hello(self, conn_id: int, dealing: Dealing) -> None:
        honest = self.honest().controller_id
        frame: dict[str, Any] = {
            "type": "init",
            "platforms": list(PLATFORMS),
            "dry_run": self.rng.random() < 0.1,  # noqa: PLR2004 -- rarely
            "protocol": 2,
            "controller_id": {OWN_NAME: NAME, STOLEN_NAME: honest, NO_NAME: None}[dealing.how],
            "session_id": f"mad-{conn_id}",
            "heartbeat_ms": self.rng.choice((5_000, 1_000, 3_600_000)),
            "at_us": self.unix_us(),
            "state_follows": self.rng.random() < 0.3,  # noqa: PLR2004 -- a promise it may not keep
        }
        if dealing.how == NO_NAME:
            frame = {key: frame[key] for key in ("type", "platforms", "dry_run")}
        self._write(conn_id, frame)

    def _leg(self, leg_id: str, trade_id: str | None) -> dict[str, Any]:
        rng = self.rng
        pair = rng.choice(list(self.pairs))
        platform = rng.choice(PLATFORMS)
        side = rng.choice(("yes", "no"))
        token = pair.poly_yes_token if side == "yes" else pair.poly_no_token
        field, market = (
            ("kalshi_market_ticker", pair.kalshi_market_ticker) if platform == KALSHI else ("poly_token", token)
        )
        sane = rng.random() < 0.7  # noqa: PLR2004 -- what is absurd is refused at once, and so does no harm
        return {
            "type": "execute_leg",
            "market_id": pair.market_id,
            "leg_id": leg_id,
            "trade_id": trade_id,
            "pair_id": str(pair.pair_id),
            "platform": platform if sane else rng.choice((*PLATFORMS, "nasdaq")),
            "action": "buy" if rng.random() < 0.7 else "sell",  # noqa: PLR2004 -- mostly
            "side": side,
            "price": rng.randint(20, 95) if sane else rng.choice(PRICES),
            "contracts": rng.choice(SIZES[1:8]) if sane else rng.choice(SIZES),
            field: market if sane else rng.choice((market, "KXOTHER", "")),
            "expires_at_ms": self.unix_us() // 1_000 + 60_000 if rng.random() < 0.5 else None,  # noqa: PLR2004
        }

    def _order(self, conn_id: int, _dealing: Dealing) -> None:
        self.count += 1
        trade_id = f"mad-{self.count}"
        self._ask_for(conn_id, self._leg(f"{trade_id}-1", trade_id))

    def _burst(self, conn_id: int, dealing: Dealing) -> None:
        for _ in range(self.rng.randint(2, 12)):
            self._order(conn_id, dealing)

    def _ask_for(self, conn_id: int, frame: dict[str, Any]) -> None:
        leg_id = LegId(frame["leg_id"])
        self.named.add(leg_id)
        self.asked.add(leg_id)
        self._write(conn_id, frame)

    def _known(self, dealing: Dealing) -> list[LegId]:
        return list(dealing.trader.journal.entries)[-20:]

    def _order_again(self, conn_id: int, dealing: Dealing) -> None:
        """An id that the trader has executed before, with other contents."""
        known = self._known(dealing)
        if known:
            leg_id = self.rng.choice(known)
            self._ask_for(conn_id, self._leg(leg_id, leg_id.rpartition("-")[0]))

    def _next_ids(self) -> list[str]:
        ids = self.honest().ids
        if ids is None or not self.alone:
            return []
        count = ids.count
        now = [ids.trade_id() for _ in range(3)]
        ids.count = count
        return [f"{trade}-{index}" for trade in now for index in (1, 2)]

    def _forge(self, conn_id: int, _dealing: Dealing) -> None:
        """An order under the id that the honest controller will give next."""
        for leg_id in self._next_ids()[: self.rng.randint(1, 6)]:
            self._ask_for(conn_id, self._leg(leg_id, leg_id.rpartition("-")[0]))

    def _bury(self, conn_id: int, dealing: Dealing) -> None:
        """Questions about live legs, and about some that have not been sent yet."""
        for leg_id in (*self._known(dealing)[-3:], *self._next_ids()[:2]):
            self.named.add(LegId(leg_id))
            frame: dict[str, Any] = {"type": "leg_query", "leg_id": leg_id, "platform": self.rng.choice(PLATFORMS)}
            if self.rng.random() < 0.5:  # noqa: PLR2004 -- half and half
                leg = self._leg(leg_id, None)
                frame |= {key: leg[key] for key in ("action", "side", "price", "contracts", "market_id")}
                frame["trader_id"] = self.rng.choice((dealing.trader.name, "somebody", None))
                frame["revision"] = self.rng.choice(NUMBERS)
            self._write(conn_id, frame)

    def _ack(self, conn_id: int, leg_id: LegId, revision: object) -> None:
        self.named.add(leg_id)
        self._write(conn_id, {"type": "leg_ack", "leg_id": leg_id, "revision": revision})

    def _ack_something(self, conn_id: int, dealing: Dealing) -> None:
        for leg_id in self._known(dealing)[-4:]:
            self._ack(conn_id, leg_id, self.rng.choice(NUMBERS))

    def _halt(self, conn_id: int, _dealing: Dealing) -> None:
        everything = self.rng.choice((True, False, None))
        number = self.rng.choice(NUMBERS)
        self._write(conn_id, {"type": "halt", "reason": "because", "number": number, "everything": everything})

    def _resume(self, conn_id: int, _dealing: Dealing) -> None:
        number = self.rng.choice((None, *NUMBERS))
        self._write(conn_id, {"type": "resume", "reason": "all is well", "number": number})

    def _resume_and_order(self, conn_id: int, dealing: Dealing) -> None:
        self._write(conn_id, {"type": "resume", "reason": "all is well", "number": None})
        self._order(conn_id, dealing)

    def _garbage(self, conn_id: int, _dealing: Dealing) -> None:
        if conn_id in self.links:
            text = self.rng.choice(GARBAGE)
            self.around.network.send(self, conn_id, text, kind_of(text))
