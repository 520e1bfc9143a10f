"""Cash that is asked for: what an answer does to the limit, and what a late, failed or missing one does not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from actors.risk.plan import RiskPlan
from protocol.terms import KALSHI, PLATFORMS, POLYMARKET
from protocol.units import USD, Money
from simulation.boxes import ControllerBox, TraderBox
from simulation.doubles import ScriptedVenue, filled
from tests.actors.kit import ARB, LEVEL_2, result, states, trades
from tests.market.builders import kalshi, pair

EVERY_S = 10
ASKS = RiskPlan(cash_every_us=EVERY_S * 1_000_000)


def asked_box(**more: Any) -> ControllerBox:
    return ControllerBox([pair(0), pair(1)], dry_run=False, risk=ASKS, **more)


def hello(box: ControllerBox, conn_id: int = 1, name: str = "lisbon", **more: Any) -> None:
    box.say_hello(conn_id, protocol=2, trader_id=name, **{"cash": True} | more)


def answer(
    box: ControllerBox, dollars: object, *platforms: str, number: int = 1, conn_id: int = 1, **more: Any
) -> None:
    for platform in platforms or PLATFORMS:
        fields = {"type": "cash", "number": number, "platform": platform, "paper": False, "accounts": [["", dollars]]}
        box.receive(conn_id, fields | more)


def cash(box: ControllerBox) -> dict[str, Any]:
    return dict(box.status()["risk"]["cash"])


def free(box: ControllerBox, platform: str = KALSHI) -> Decimal | None:
    found = [Decimal(str(each["free_usd"])) for each in cash(box)["accounts"] if each["platform"] == platform]
    return found[0] if found else None


def test_a_trader_is_asked_after_its_hello_and_then_from_time_to_time_and_its_answer_is_a_limit() -> None:
    with asked_box() as box:
        hello(box)
        (first,) = box.frames(1, "cash_query")
        assert first["platforms"] == list(PLATFORMS)
        answer(box, 2, number=first["number"])
        box.feed(*ARB)
        assert [leg["asked"] for leg in trades(box)["t1"]["legs"]] == [Decimal("4.26"), Decimal("4.26")]
        assert box.status()["risk"]["capped"] == {"the cash at the venue": 1}
        box.pass_time(EVERY_S)
        assert [frame["number"] for frame in box.frames(1, "cash_query")] == [1, 2]


def test_nothing_new_is_traded_before_the_first_answer_but_not_for_ever() -> None:
    with asked_box() as box:
        hello(box)
        box.feed(*ARB)
        assert box.frames(1, "execute_leg") == []
        assert "the cash at kalshi is not known yet" in box.status()["aborted"]
        assert cash(box)["silent"] == dict.fromkeys(PLATFORMS, "lisbon was asked and has not answered")
        box.pass_time(5)
        box.feed(kalshi([(40, 10)], [(45, 10)], t=2))
        assert len(box.frames(1, "execute_leg")) == 2


def test_a_late_answer_and_a_failed_one_never_make_the_cash_more() -> None:
    with asked_box() as box:
        hello(box)
        box.pass_time(EVERY_S)
        answer(box, 100, number=2)
        assert free(box) == 100
        answer(box, 500, number=1)
        assert free(box) == 100, "an answer to an earlier question is not news"
        answer(box, 900, number=2)
        assert free(box) == 100, "nor is a second answer to the same one"
        answer(box, 900, number=77)
        assert free(box) == 100, "nor one to a question that was never asked"
        box.pass_time(EVERY_S)
        answer(box, 0, number=3, accounts=[], error="the venue answered 503")
        assert free(box) == 100
        assert {each["failed"] for each in cash(box)["accounts"]} == {"the venue answered 503"}
        assert {each["age_s"] for each in cash(box)["accounts"]} == {EVERY_S}
        assert len(box.notes("could not be asked for")) == 2
        box.pass_time(EVERY_S)
        answer(box, 0, number=4, accounts=[])
        assert free(box) == 100
        assert cash(box)["silent"][KALSHI] == "lisbon does not say any more: what it said before counts"


def test_what_was_bought_after_the_question_is_taken_off_its_answer_also_when_the_clock_was_set_back() -> None:
    with asked_box() as box:
        hello(box)
        answer(box, 20, number=1)
        box.pass_time(EVERY_S)
        box.clock.start_unix_us -= 3_600_000_000
        box.feed(*ARB)
        for frame in box.frames(1, "execute_leg"):
            told = {"platform": frame["platform"], "protocol": 2, "status": "filled", "revision": 0, "final": True}
            box.receive(1, result(frame["leg_id"], **told, cost=Decimal("4.5").__float__(), fees=0, paper=False))
        assert states(box) == ["hedged"]
        assert free(box) == Decimal("15.5")
        # Nobody knows whether the venue had that purchase in its books when it wrote this.
        answer(box, 20, number=2)
        assert free(box) == Decimal("15.5")
        box.pass_time(EVERY_S)
        answer(box, "15.5", number=3, accounts=[["", 15.5]])
        assert free(box) == Decimal("15.5")


def test_a_level_1_peer_and_an_older_one_are_not_asked_and_not_limited_and_the_status_says_so() -> None:
    with asked_box() as box:
        box.say_hello(1, ["kalshi"])
        hello(box, 2, "oslo", platforms=["polymarket"], cash=None)
        box.feed(*ARB)
        assert len(box.frames(1, "execute_leg")) == len(box.frames(2, "execute_leg")) == 1
        assert box.frames(1, "cash_query") == box.frames(2, "cash_query") == []
        silent = cash(box)["silent"]
        assert "speaks level 1 and cannot be asked" in silent[KALSHI]
        assert silent[POLYMARKET] == "oslo does not answer that question"


def test_who_takes_a_platform_over_is_asked_at_once_and_the_late_word_of_the_one_before_is_no_news() -> None:
    with asked_box() as box:
        hello(box, 1, "lisbon", platforms=["kalshi"])
        hello(box, 2, "oslo", platforms=["kalshi"])
        assert box.frames(2, "cash_query") == [], "who stands by is not asked: the next leg is not paid by him"
        box.disconnect(1)
        (query,) = box.frames(2, "cash_query")
        answer(box, 3, KALSHI, number=query["number"], conn_id=2)
        assert free(box) == 3


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_local_platform_is_asked_for_the_money_that_its_orders_would_cost(dry_run: bool) -> None:
    venue = ScriptedVenue(KALSHI, script=filled, accounts=[("", Money(2 * USD))])
    with ControllerBox([pair(0)], local=PLATFORMS, live={KALSHI: venue}, dry_run=dry_run, risk=ASKS) as box:
        accounts = cash(box)["accounts"]
        assert len(venue.cash_asked) == (0 if dry_run else 1)
        assert [(each["platform"], each["money"], each["by"]) for each in accounts] == (
            [] if dry_run else [("kalshi", "real", "local")]
        )
        assert cash(box)["silent"][POLYMARKET] == "local says that its venue does not say"


def test_where_nobody_is_to_ask_nothing_is_asked() -> None:
    with ControllerBox([pair(0)], dry_run=False) as box:
        hello(box)
        box.pass_time(100)
        assert box.frames(1, "cash_query") == []
        assert cash(box) == {"asked_every_s": None, "accounts": [], "silent": {}}


# -- the trader's end --------------------------------------------------------------------------------------------


def query(number: int, *platforms: str) -> dict[str, Any]:
    return {"type": "cash_query", "number": number, "platforms": list(platforms)}


def test_a_trader_answers_on_the_connection_that_asked_and_on_no_other() -> None:
    venue = ScriptedVenue(KALSHI, accounts=None)
    with TraderBox(dry_run=False, live={KALSHI: venue}) as box:
        box.say_init(1, dry_run=False, **LEVEL_2)
        assert box.frames(1, "init_ack")[0]["cash"] is True
        box.receive(1, query(7, "kalshi", "polymarket"))
        (said,) = box.frames(1, "cash")
        assert said | {"paper": True, "accounts": []} == said, "a paper venue without cash of its own does not say"
        venue.cash_asked[0]([("", Money(3 * USD)), ("2", Money(-1))], None)
        assert box.frames(1, "cash")[1] == {
            "type": "cash",
            "number": 7,
            "platform": "kalshi",
            "paper": False,
            "accounts": [["", 3], ["2", -0.000001]],
            "error": None,
        }
        box.receive(1, query(8, "kalshi"))
        box.say_init(2, dry_run=False, **LEVEL_2)
        venue.cash_asked[1](None, "the venue answered 503")
        assert len(box.frames(1, "cash")) == 2
        assert box.frames(2, "cash") == [], "another controller would take it for an answer to its own question"
        box.receive(2, query(8, "kalshi"))
        venue.cash_asked[2](None, "the venue answered 503")
        assert box.frames(2, "cash")[0]["error"] == "the venue answered 503"


def test_the_books_of_both_ends_agree_on_what_is_left() -> None:
    """A controller whose own paper venues have cash: bought comes off, and the next answer says the same."""
    with ControllerBox([pair(0)], local=PLATFORMS, risk=ASKS, paper_cash=Money(4 * USD)) as box:
        assert free(box) == 4
        box.feed(*ARB)
        (trade,) = trades(box).values()
        before = free(box)
        assert before is not None
        assert 0 <= before < 1
        assert {leg["status"] for leg in trade["legs"]} == {"filled"}
        box.pass_time(EVERY_S)
        assert free(box) == before
