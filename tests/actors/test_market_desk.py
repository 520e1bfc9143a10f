"""In which markets a trader can order: who is asked for it, what an answer does, and what is not traded meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from actors.ports import Readiness
from actors.risk.plan import RiskPlan
from cli.output import Style
from cli.status_risk import risk
from protocol.terms import KALSHI, PLATFORMS, POLYMARKET
from protocol.wire import MAX_STATED_MARKETS
from simulation.boxes import ControllerBox, TraderBox
from simulation.doubles import ScriptedVenue
from tests.actors.kit import ARB, LEVEL_2
from tests.market.builders import kalshi, pair

NOT_KNOWN = "the trader does not know the market's rules yet"
PAIR = pair(0)
TICKER, YES, NO = str(PAIR.kalshi_market_ticker), str(PAIR.poly_yes_token), str(PAIR.poly_no_token)


def live_box(count: int = 1, **more: Any) -> ControllerBox:
    return ControllerBox([pair(number) for number in range(count)], dry_run=False, **more)


def hello(box: ControllerBox, conn_id: int = 1, markets: Sequence[str] = PLATFORMS, **more: Any) -> None:
    words: dict[str, Any] = {"protocol": 2, "trader_id": "lisbon", "markets": list(markets)}
    box.say_hello(conn_id, **words | more)


def asked(box: ControllerBox, platform: str, conn_id: int = 1) -> list[dict[str, Any]]:
    return [frame for frame in box.frames(conn_id, "markets_query") if frame["platform"] == platform]


def say(
    box: ControllerBox,
    platform: str,
    *ready: str,
    number: int | None = None,
    conn_id: int = 1,
    unready: Mapping[str, str] | None = None,
) -> None:
    """Answer the question that was asked last, or say ``number``."""
    last = asked(box, platform, conn_id)[-1]["number"] if number is None else number
    others = [list(each) for each in (unready or {}).items()]
    fields = {"type": "markets", "number": last, "platform": platform, "ready": list(ready), "unready": others}
    box.receive(conn_id, fields)


def again(box: ControllerBox, size: int) -> None:
    """The same arb, of another size."""
    box.feed(kalshi([(40, 10)], [(45, size)], t=size))


def legs(box: ControllerBox, conn_id: int = 1) -> int:
    return len(box.frames(conn_id, "execute_leg"))


def wait(box: ControllerBox, seconds: int) -> None:
    """Time passes, and the trader lives."""
    for _ in range(seconds // 5):
        box.pass_time(5)
        box.receive(1, {"type": "ping", "timestamp": 1})


def test_a_trader_is_told_all_markets_at_once_and_nothing_leaves_before_both_sides_are_ready() -> None:
    with live_box(2) as box:
        hello(box)
        (first,) = asked(box, KALSHI)
        assert first["markets"] == [TICKER, str(pair(1).kalshi_market_ticker)]
        tokens = [str(token) for one in (PAIR, pair(1)) for token in (one.poly_yes_token, one.poly_no_token)]
        assert asked(box, POLYMARKET)[0]["markets"] == [tokens[0], tokens[2], tokens[1], tokens[3]]
        box.feed(*ARB)
        say(box, KALSHI, *first["markets"])
        again(box, 11)
        assert legs(box) == 0
        assert box.status()["risk"]["refused"] == {NOT_KNOWN: 3}, "offered twice, and looked at when one was ready"
        say(box, POLYMARKET, *tokens)
        assert legs(box) == 2, "what stands open is looked at, without another update"
        assert box.status()["risk"]["markets"][KALSHI] == {"by": "lisbon", "of": 2, "unready": 0, "first": {}}


def test_a_market_that_cannot_be_read_is_never_traded_and_the_status_says_why() -> None:
    with live_box() as box:
        hello(box)
        say(box, POLYMARKET, YES, NO)
        say(box, KALSHI, unready={TICKER: "its grid makes no sense"})
        box.feed(*ARB)
        again(box, 11)
        assert legs(box) == 0
        assert box.status()["risk"]["refused"] == {NOT_KNOWN: 2}
        assert box.status()["aborted"] == {f"refused: {NOT_KNOWN}": 2}
        assert len(box.notes("its grid makes no sense")) == 1, "said once"
        shown = " ".join("\n".join(risk(box.status(), Style(), 400)).split())
        want = "1 of 1 markets at kalshi are not traded for money, by the word of lisbon"
        assert f"{want}: {TICKER}: its grid makes no sense" in shown
        box.pass_time(5)
        assert asked(box, KALSHI)[-1]["markets"] == [TICKER], "it is asked for again"
        assert len(asked(box, POLYMARKET)) == 1
        say(box, KALSHI, TICKER)
        assert legs(box) == 2


def test_news_of_a_closed_market_holds_it_back_and_of_an_open_one_lets_it_go() -> None:
    with live_box() as box:
        hello(box)
        say(box, KALSHI, TICKER)
        say(box, POLYMARKET, YES, NO)
        say(box, KALSHI, number=0, unready={TICKER: "it is closed"})
        say(box, POLYMARKET, "a stranger", number=0)
        box.feed(*ARB)
        assert legs(box) == 0
        say(box, KALSHI, TICKER, number=77)
        assert legs(box) == 0, "an answer to no question that is out"
        say(box, KALSHI, TICKER, number=0)
        assert legs(box) == 2


@pytest.mark.parametrize("more", [{"markets": []}, {"markets": None}, {"protocol": 1}])
def test_nothing_is_held_back_where_nobody_states_anything(more: dict[str, Any]) -> None:
    with live_box() as box:
        words: dict[str, Any] = {"protocol": 2, "trader_id": "lisbon", "markets": list(PLATFORMS)}
        box.say_hello(1, **words | more)
        assert box.frames(1, "markets_query") == []
        box.feed(*ARB)
        assert legs(box) == 2
        assert "markets" not in box.status()["risk"]


def test_one_side_that_states_nothing_does_not_hold_the_other_back() -> None:
    with live_box() as box:
        hello(box, markets=(POLYMARKET,))
        assert asked(box, KALSHI) == []
        say(box, POLYMARKET, YES, NO)
        box.feed(*ARB)
        assert legs(box) == 2


def test_on_paper_nobody_is_asked() -> None:
    with ControllerBox([PAIR], dry_run=True) as box:
        hello(box, paper=list(PLATFORMS))
        assert box.frames(1, "markets_query") == []


def test_what_one_connection_has_stated_does_not_count_for_the_next() -> None:
    with live_box() as box:
        hello(box)
        say(box, KALSHI, TICKER)
        say(box, POLYMARKET, YES, NO)
        box.disconnect(1)
        hello(box, 2)
        box.feed(*ARB)
        assert legs(box, 2) == 0
        say(box, KALSHI, TICKER, conn_id=2)
        say(box, POLYMARKET, YES, NO, conn_id=2)
        assert legs(box, 2) == 2


def test_many_markets_are_asked_for_answer_by_answer_and_an_answer_that_never_comes_is_asked_for_again() -> None:
    count = MAX_STATED_MARKETS + 1
    with live_box(count) as box:
        hello(box, markets=(KALSHI,))
        (first,) = asked(box, KALSHI)
        assert len(first["markets"]) == MAX_STATED_MARKETS
        wait(box, 25)
        assert len(asked(box, KALSHI)) == 1
        say(box, KALSHI, *first["markets"])
        last = asked(box, KALSHI)[-1]
        assert last["markets"] == [str(pair(count - 1).kalshi_market_ticker)]
        assert box.status()["risk"]["markets"][KALSHI]["unready"] == 1
        wait(box, 35)
        assert len(asked(box, KALSHI)) > 2
        say(box, KALSHI, number=last["number"])
        assert box.status()["risk"]["markets"][KALSHI]["unready"] == 1, "an answer to an older question"


def test_all_markets_are_asked_for_again_from_time_to_time() -> None:
    with live_box() as box:
        hello(box)
        say(box, KALSHI, TICKER)
        say(box, POLYMARKET, YES, NO)
        wait(box, 30)
        assert [len(asked(box, platform)) for platform in PLATFORMS] == [2, 2]


@dataclass
class Warm(ScriptedVenue):
    """A venue that reads rules ahead, and says what the test says."""

    verdicts: dict[str, str | None] = field(default_factory=dict)
    watcher: Callable[[Readiness], None] | None = None

    def learn(self, markets: Sequence[str], report: Callable[[Sequence[Readiness]], None]) -> None:
        report([(market, self.verdicts.get(market)) for market in markets])

    def watch_markets(self, report: Callable[[Readiness], None]) -> None:
        self.watcher = report


def query(platform: str = KALSHI, number: int = 7) -> dict[str, Any]:
    return {"type": "markets_query", "number": number, "platform": platform, "markets": ["A", "B"]}


def test_a_trader_says_for_which_venues_it_states_markets_and_answers_for_them() -> None:
    venue = Warm(KALSHI, verdicts={"B": "it is \u2028 closed"})
    with TraderBox(dry_run=False, live={KALSHI: venue, POLYMARKET: ScriptedVenue(POLYMARKET)}) as box:
        box.say_init(1, dry_run=False, **LEVEL_2)
        assert box.frames(1, "init_ack")[-1]["markets"] == ["kalshi"]
        assert venue.watcher is not None
        venue.watcher(("A", "news that nobody here would understand"))
        assert box.frames(1, "markets") == []
        box.receive(1, query())
        box.receive(1, query(POLYMARKET))
        said = {
            "type": "markets",
            "number": 7,
            "platform": "kalshi",
            "ready": ["A"],
            "unready": [["B", "it is ? closed"]],
        }
        assert box.frames(1, "markets") == [said]
        venue.watcher(("A", "it is closed"))
        news = {**said, "number": 0, "ready": [], "unready": [["A", "it is closed"]]}
        assert box.frames(1, "markets")[-1] == news


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_trader_on_paper_or_of_level_1_states_nothing(dry_run: bool) -> None:
    with TraderBox(dry_run=dry_run, live={KALSHI: Warm(KALSHI)}) as box:
        box.say_init(1, dry_run=dry_run, **(LEVEL_2 if dry_run else {}))
        assert "markets" not in box.frames(1, "init_ack")[-1]


def test_a_local_venue_is_asked_and_told_of_too() -> None:
    venues = {platform: Warm(platform, verdicts={TICKER: "it is closed"}) for platform in PLATFORMS}
    with live_box(local=PLATFORMS, live=venues, risk=RiskPlan()) as box:
        assert box.status()["risk"]["markets"][KALSHI]["first"] == {TICKER: "it is closed"}
        box.feed(*ARB)
        assert [len(venue.placed) for venue in venues.values()] == [0, 0]
        watcher = venues[KALSHI].watcher
        assert watcher is not None
        watcher((TICKER, None))
        assert [len(venue.placed) for venue in venues.values()] == [1, 1]
