"""Whatever happens, the controller has a book as the trader had it, or none; and in the end it has the trader's."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from actors.book_relay import BookRelaySetup
from actors.relay_stream import StreamRules
from market.events import BooksLost, BookSnapshot, FeedBatch, FeedEvent, FeedUp, LevelChanged, LevelSet, TopStated
from protocol.terms import POLYMARKET
from protocol.units import Price, Quantity
from tests.market.builders import NO, YES
from tests.relay.kit import Levels, Relayed

MARKETS = (YES, NO)
BOOKS = '"type":"book'
PRICES = st.integers(1, 4).map(lambda cents: Price(cents * 1_000 + 50))
SIZES = st.integers(0, 3).map(lambda size: Quantity(size * 50))
SIDES = st.dictionaries(PRICES, SIZES, max_size=4).map(lambda side: tuple(side.items()))
MARKET = st.sampled_from(MARKETS)

EVENTS: st.SearchStrategy[FeedEvent] = st.one_of(
    st.builds(BookSnapshot, MARKET, SIDES, SIDES),
    st.builds(LevelSet, MARKET, st.booleans(), PRICES, SIZES),
    st.builds(LevelChanged, MARKET, st.booleans(), PRICES, st.integers(-200, 200).map(Quantity)),
    st.builds(TopStated, MARKET, st.none() | PRICES, st.none() | PRICES),
    st.builds(BooksLost, st.just("gap"), MARKET.map(lambda market: (market,))),
    st.builds(BooksLost, st.just("down")),
    st.just(FeedUp()),
)
LIVELY = EVENTS.filter(lambda event: not isinstance(event, (BooksLost, FeedUp)))
BATCHES = st.lists(st.one_of(LIVELY, LIVELY, LIVELY, EVENTS), min_size=1, max_size=3).map(tuple)
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("feed"), BATCHES),
        st.tuples(st.just("feed"), BATCHES),
        st.tuples(st.just("up"), st.integers(1, 4)),
        st.tuples(st.just("down"), st.integers(1, 4)),
        st.tuples(st.just("settle"), st.just(0)),
        st.tuples(st.just("lose"), st.integers(0, 5)),
        st.tuples(st.just("twice"), st.integers(0, 5)),
        st.tuples(st.just("cut"), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 1_500)),
    ),
    max_size=25,
)


@dataclass
class Run:
    """The two ends, and every state that each book of a trader was in."""

    world: Relayed
    past: dict[tuple[int, str], list[Levels | None]] = field(default_factory=dict)
    robbed: bool = False
    """A frame was taken out, or put in, since the last connection: until the next heartbeat nobody can know."""

    def remember(self) -> None:
        for number in range(len(self.world.traders)):
            for market in MARKETS:
                self.past.setdefault((number, market), []).append(self.world.source(market, POLYMARKET, number))

    def check(self) -> None:
        """No book that its trader never had."""
        for market in MARKETS:
            book = self.world.book(market, POLYMARKET)
            if book is not None:
                assert any(book in self.past[number, market] for number in range(len(self.world.traders)))

    def check_now(self, number: int) -> None:
        """With nothing on the way: what is traded on is what the trader has."""
        if len(self.world.wires) == 1 and not self.robbed:
            for market in MARKETS:
                assert self.world.book(market, POLYMARKET) in {None, self.world.source(market, POLYMARKET, number)}

    def do(self, number: int, what: str, value: object) -> None:
        world = self.world
        wire = world.wires[number]
        wire.collect()
        match what, value:
            case "feed", tuple():
                world.feed(FeedBatch(POLYMARKET, 1, value), trader=number, settle=False)
                self.remember()
            case "up", int():
                any(not wire.one_up() for _ in range(value))
            case "down", int():
                any(not wire.one_down() for _ in range(value))
            case "settle", _:
                wire.settle()
                self.check_now(number)
            case "lose", int() if value < len(wire.up) and BOOKS in wire.up[value]:
                self.robbed = True
                del wire.up[value]
            case "twice", int() if value < len(wire.up) and BOOKS in wire.up[value]:
                wire.up.insert(value, wire.up[value])
            case "cut", _:
                wire.cut()
                self.robbed = len(world.wires) > 1 and self.robbed
                world.connect(number, settle=False)
            case "wait", int():
                world.pass_time(value / 1_000, settle=False)
            case _:
                pass


def run(actions: list[tuple[int, tuple[str, object]]], traders: int, window: int) -> None:
    rules = StreamRules(max_silence_us=None, read_often=max(1, window // 4))
    with Relayed({POLYMARKET: MARKETS}, traders=traders, rules=rules) as world:
        doing = Run(world)
        doing.remember()
        for number, box in enumerate(world.traders):
            box.instance("relay").config = BookRelaySetup((POLYMARKET,), box, window)
            world.connect(number)
        for number, (what, value) in actions:
            doing.do(number % traders, what, value)
            doing.check()
        # The faults end: every feed comes back with all of its books, and every link carries.
        for number in range(traders):
            book = (((Price(1_000), Quantity(100 + number)),), ())
            whole: tuple[FeedEvent, ...] = (FeedUp(), *(BookSnapshot(market, *book) for market in MARKETS))
            world.feed(FeedBatch(POLYMARKET, 2, whole), trader=number, settle=False)
            doing.remember()
        world.pass_time(25)
        doing.check()
        told = world.row(POLYMARKET)
        assert told["state"] == "relayed", told
        source = int(str(told["trader"]).removeprefix("trader-")) - 1
        for market in MARKETS:
            assert world.book(market, POLYMARKET) == world.source(market, POLYMARKET, source) is not None


@given(ACTIONS, st.sampled_from([1, 400, 32_768]))
def test_one_trader(actions: list[tuple[str, object]], window: int) -> None:
    run([(0, action) for action in actions], 1, window)


@given(st.lists(st.tuples(st.integers(0, 1), ACTIONS.filter(bool).map(lambda actions: actions[0])), max_size=30))
def test_two_traders_are_not_mixed(actions: list[tuple[int, tuple[str, object]]]) -> None:
    run(actions, 2, 32_768)
