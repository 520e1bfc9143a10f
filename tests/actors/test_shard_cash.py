"""Cash by shard: which markets' shards are asked for, by whom it is told, and what is not traded meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from actors.risk.plan import RiskPlan
from actors.shard_rounds import ShardRounds
from cli.output import Style
from cli.status_risk import risk
from protocol.terms import KALSHI, POLYMARKET
from protocol.units import USD, Money
from protocol.wire import MAX_ASKED_MARKETS
from simulation.boxes import ControllerBox, TraderBox
from simulation.doubles import ScriptedVenue
from tests.actors.kit import ARB, LEVEL_2
from tests.actors.test_cash_desk import ASKS, EVERY_S, answer, asked_box, cash, hello
from tests.market.builders import kalshi, pair

SHARDS = [["0", 4], ["3", 1.5]]
FIRST, SECOND = (str(pair(number).kalshi_market_ticker) for number in (0, 1))


def told(box: ControllerBox, number: int, accounts: Sequence[Any] = SHARDS, **shards: str) -> None:
    """The trader says what is there, and where markets are."""
    names = {"first": FIRST, "second": SECOND}
    answer(box, 0, KALSHI, number=number, accounts=accounts, shards=[[names[key], at] for key, at in shards.items()])


def stated(box: ControllerBox) -> ControllerBox:
    """Polymarket is funded, Kalshi has two shards."""
    hello(box)
    answer(box, 100, POLYMARKET)
    told(box, 1)
    return box


def test_shards_of_markets_are_asked_for_where_there_are_several_and_each_pays_for_its_own() -> None:
    with asked_box() as box:
        stated(box)
        first, second = box.frames(1, "cash_query")
        assert "markets" not in first, "a peer of one account is asked as ever"
        assert second["markets"] == [FIRST, SECOND]
        assert {each["shard"]: each["stated_usd"] for each in cash(box)["accounts"] if each["shard"]} == {
            "0": 4,
            "3": Decimal("1.5"),
        }
        told(box, 2, first="3", second="0")
        assert len(box.frames(1, "cash_query")) == 2, "everything is known: the next question is due in some seconds"
        box.feed(*ARB)
        sent = [frame for frame in box.frames(1, "execute_leg") if frame["platform"] == "kalshi"]
        assert [Decimal(str(frame["contracts"])) for frame in sent] == [Decimal("3.15")]
        assert "no_shard" not in cash(box)


def test_a_market_whose_shard_nobody_tells_is_not_traded_and_the_status_names_it() -> None:
    with asked_box() as box:
        stated(box)
        told(box, 2)
        box.feed(*ARB)
        box.feed(kalshi([(40, 10)], [(45, 11)], t=3))
        assert box.frames(1, "execute_leg") == []
        status = box.status()
        assert status["risk"]["refused"] == {"the shard of the market is not known": 2}
        assert len(box.notes("on which shard")) == 1, "said once"
        assert cash(box)["no_shard"] == {"platform": "kalshi", "markets": 2, "first": [FIRST, SECOND]}
        shown = " ".join("\n".join(risk(status, Style(), 400)).split())
        assert f"nobody has said where 2 markets ({FIRST}, {SECOND}) are: not traded for money" in shown
        told(box, 2, first="0")
        assert cash(box)["no_shard"]["markets"] == 2, "a second answer to the same question is no news"
        box.pass_time(EVERY_S)
        told(box, 3, first="0")
        assert cash(box)["no_shard"]["first"] == [SECOND]
        box.feed(kalshi([(40, 10)], [(45, 12)], t=4))
        assert len(box.frames(1, "execute_leg")) == 2


def test_the_pairs_file_says_it_until_a_trader_does() -> None:
    placed = [pair(0, kalshi_shard=0), pair(1)]
    with ControllerBox(placed, dry_run=False, risk=ASKS) as box:
        stated(box)
        told(box, 2, accounts=[["0", 100], ["3", 0]])
        assert cash(box)["no_shard"]["first"] == [SECOND]
        box.pass_time(EVERY_S)
        told(box, 3, accounts=[["0", 100], ["3", 0]], first="3")
        box.feed(*ARB)
        assert box.frames(1, "execute_leg") == []
        assert box.status()["risk"]["refused"] == {"the cash at the venue": 1}
        assert box.notes("has moved from") == []
        box.pass_time(EVERY_S)
        told(box, 4, accounts=[["0", 100], ["3", 0]], first="0")
        assert len(box.notes("has moved from shard 3 of kalshi to shard 0")) == 1
        box.feed(kalshi([(40, 10)], [(45, 12)], t=4))
        assert len(box.frames(1, "execute_leg")) == 2


def test_many_markets_are_asked_for_answer_by_answer_and_round_by_round() -> None:
    rounds = ShardRounds([f"M{number}" for number in range(2 * MAX_ASKED_MARKETS + 1)] + ["M0"])
    taken = [rounds.take() for _ in range(2)]
    assert [len(each) for each in taken] == [MAX_ASKED_MARKETS] * 2
    assert rounds.unfinished
    last = rounds.take()
    assert last[:2] == (f"M{2 * MAX_ASKED_MARKETS}", "M0")
    assert not rounds.unfinished
    rounds.begin()
    assert rounds.unfinished
    assert ShardRounds(()).take() == ()


class Sharded(ScriptedVenue):
    """A venue that knows shards."""

    def cash_and_shards(self, markets: Sequence[str], report: Any) -> None:  # noqa: ANN401
        report([("0", Money(USD)), ("3", Money(0))], [(market, "3") for market in markets], None)


def test_a_trader_says_where_its_venue_has_the_markets_and_one_that_knows_no_shards_leaves_them_out() -> None:
    query = {"type": "cash_query", "number": 7, "platforms": ["kalshi", "polymarket"], "markets": [FIRST]}
    plain = ScriptedVenue(POLYMARKET, accounts=[("", Money(USD))])
    with TraderBox(dry_run=False, live={KALSHI: Sharded(KALSHI), POLYMARKET: plain}) as box:
        box.say_init(1, dry_run=False, **LEVEL_2)
        box.receive(1, query)
        told = {frame["platform"]: frame for frame in box.frames(1, "cash")}
        assert told["kalshi"]["shards"] == [[FIRST, "3"]]
        assert "shards" not in told["polymarket"]
        box.receive(1, {key: value for key, value in query.items() if key != "markets"})
        assert "shards" not in box.frames(1, "cash")[-2], "it was not asked"


def test_a_local_venue_is_asked_for_its_shards_too() -> None:
    risk_plan = RiskPlan(cash_every_us=ASKS.cash_every_us)
    venue = Sharded(KALSHI, accounts=[("0", Money(USD)), ("3", Money(0))])
    with ControllerBox([pair(0)], local=(KALSHI,), live={KALSHI: venue}, dry_run=False, risk=risk_plan) as box:
        assert {each["shard"] for each in cash(box)["accounts"]} == {"0", "3"}
        assert "no_shard" not in cash(box)
