"""A venue's account against the ledger: who is asked, what counts as an answer, and what a person is told."""

from __future__ import annotations

from typing import Any

import pytest

from actors.facts import Settled
from actors.wire_holdings import MAX_PARTS
from protocol.terms import KALSHI, PLATFORMS
from protocol.units import Quantity
from simulation.boxes import ControllerBox, TraderBox
from simulation.doubles import ScriptedVenue
from tests.actors.kit import ARB, LEVEL_2, result
from tests.fact_kit import leg as leg_of
from tests.market.builders import pair

EVERY_S = 10
AGAIN_S = 5


def asked_box(**more: Any) -> ControllerBox:
    return ControllerBox([pair(0)], dry_run=False, reconcile_every_us=EVERY_S * 1_000_000, **more)


def hello(box: ControllerBox, conn_id: int = 1, **more: Any) -> None:
    box.say_hello(conn_id, protocol=2, trader_id="lisbon", **{"holdings": True} | more)


def said(box: ControllerBox) -> dict[str, Any]:
    return dict(box.status()["reconciliation"])


def account(box: ControllerBox, platform: str = KALSHI) -> dict[str, Any]:
    return next(one for one in said(box)["accounts"] if one["platform"] == platform)


def differences(box: ControllerBox) -> list[tuple[str, str, str, str]]:
    return [
        tuple(str(one[word]) for word in ("kind", "what", "venue", "ledger"))  # type: ignore[misc]
        for one in account(box)["differences"]
    ]


def answer(box: ControllerBox, *positions: list[object], orders: tuple[list[object], ...] = (), **more: Any) -> None:
    """What the trader says to the newest question."""
    number = box.frames(1, "holdings_query")[-1]["number"]
    whole = {"positions": list(positions), "orders": list(orders), "nets": True, "accounts": [["", 100]]}
    head = {"type": "holdings", "number": number, "platform": KALSHI, "paper": False}
    box.receive(1, head | ({} if "error" in more else whole) | more)


def traded(box: ControllerBox, **fields: Any) -> list[dict[str, Any]]:
    """One arb, answered and in the ledger."""
    box.feed(*ARB)
    legs = list(box.frames(1, "execute_leg"))
    for leg in legs:
        answered = {"filled": leg["contracts"], "status": "filled", "final": True, "paper": False, "revision": 1}
        box.receive(1, result(leg["leg_id"], **({"platform": leg["platform"]} | fields.get(leg["platform"], answered))))
    return legs


def kalshi_leg(legs: list[dict[str, Any]]) -> dict[str, Any]:
    return next(leg for leg in legs if leg["platform"] == KALSHI)


def drifts(box: ControllerBox) -> int:
    return int(box.status()["counters"].get("drift", 0))


def test_a_trader_that_can_be_asked_is_asked_at_its_hello_and_from_time_to_time() -> None:
    with asked_box() as box:
        hello(box)
        queries = box.frames(1, "holdings_query")
        assert {platform for query in queries for platform in query["platforms"]} == set(PLATFORMS)
        assert all(query["since_us"] >= 0 for query in queries)
        answer(box)
        box.pass_time(EVERY_S)
        later = box.frames(1, "holdings_query")
        assert len(later) == 2 * len(queries)
        since = {query["platforms"][0]: query["since_us"] for query in later[len(queries) :]}
        assert since[KALSHI] > queries[0]["since_us"] + 80_000 * 1_000_000, "only what came since the last look"
        assert since["polymarket"] < since[KALSHI], "nobody has answered: the same day as before"
        assert differences(box) == []


def test_a_peer_that_does_not_answer_that_is_named() -> None:
    with asked_box() as box:
        hello(box, holdings=False)
        assert box.frames(1, "holdings_query") == []
        assert said(box)["silent"][KALSHI] == "lisbon does not answer that question"


def test_a_position_that_the_ledger_does_not_have_is_shown_at_once_and_told_when_seen_again() -> None:
    with asked_box() as box:
        hello(box)
        answer(box, ["T", "no", 7])
        assert differences(box) == [("position", "T", "7 no", "nothing")]
        assert drifts(box) == 0
        facts = len(box.ledger.facts)
        box.pass_time(AGAIN_S)
        answer(box, ["T", "no", 7])
        assert drifts(box) == 1
        for _ in range(3):
            box.pass_time(EVERY_S)
            answer(box, ["T", "no", 7])
        assert drifts(box) == 1, "once an episode"
        assert len(box.ledger.facts) == facts, "nothing is taken over"
        box.pass_time(EVERY_S)
        answer(box)
        assert differences(box) == []


@pytest.mark.parametrize("error", ["incomplete: page 2 of /portfolio/positions: kalshi answered 500", "it lags"])
def test_an_answer_that_is_none_changes_nothing(error: str) -> None:
    with asked_box() as box:
        hello(box)
        answer(box, ["T", "no", 7])
        before = differences(box)
        box.pass_time(AGAIN_S)
        answer(box, error=error)
        assert differences(box) == before
        assert account(box)["not_comparable"] == error
        assert drifts(box) == 0


def test_an_account_in_parts_is_compared_when_the_last_is_there() -> None:
    with asked_box() as box:
        hello(box)
        assert box.frames(1, "holdings_query")[0]["parts"] == MAX_PARTS
        answer(box, ["T", "no", 7], part=1, parts=2)
        assert said(box)["accounts"] == []
        answer(box, ["U", "no", 2], part=2, parts=2)
        assert [what for _, what, *_ in differences(box)] == ["T", "U"]


@pytest.mark.parametrize("parts", [None, MAX_PARTS])
def test_a_large_account_is_told_in_parts_to_who_asks_so(parts: int | None) -> None:
    with TraderBox(dry_run=True) as box:
        for number in range(1_000):
            bought = leg_of(f"t{number}-1", market=f"KXMARKET-{number:040}", quantity=Quantity(100))
            box.venues[KALSHI].execute(bought, blind=True)
        box.say_init(1, **LEVEL_2, dry_run=True)
        query = {"type": "holdings_query", "number": 4, "platforms": [KALSHI]}
        box.receive(1, query if parts is None else query | {"parts": parts})
        told = box.frames(1, "holdings")
        if parts is None:
            assert "do not fit into one message" in told[0]["error"]
        else:
            assert [one["part"] for one in told] == [1, 2, 3, 4]
            assert sum(len(one["positions"]) for one in told) == 1_000


def test_an_answer_to_an_earlier_question_is_not_looked_at_after_a_later_one() -> None:
    with asked_box() as box:
        hello(box)
        first = box.frames(1, "holdings_query")[0]["number"]
        box.pass_time(EVERY_S)
        answer(box)
        answer(box, ["T", "no", 7], number=first)
        assert differences(box) == []


def test_what_was_traded_agrees_and_what_the_venue_has_less_of_does_not() -> None:
    with asked_box() as box:
        hello(box)
        leg = kalshi_leg(traded(box))
        held = [leg["kalshi_market_ticker"], leg["side"], leg["contracts"]]
        answer(box, held)
        assert account(box)["moving"] == [leg["kalshi_market_ticker"]], "it was traded after the question"
        box.pass_time(EVERY_S)
        answer(box, held, orders=([leg["leg_id"], "o1", held[0], held[2], 0, 1],))
        assert (differences(box), account(box)["moving"]) == ([], [])
        box.pass_time(EVERY_S)
        answer(box)
        (found,) = account(box)["differences"]
        assert (found["what"], found["venue"], found["ledger"]) == (held[0], "nothing", f"{held[2]} {held[1]}")
        assert "paid-out" in found["fix"]


def ended(box: ControllerBox, leg: dict[str, Any], contracts: object, cents: int) -> None:
    """The venue holds nothing of the leg's market any more, as it was paid out."""
    counts = [contracts, 0] if leg["side"] == "yes" else [0, contracts]
    box.pass_time(EVERY_S)
    answer(box, settled=[[leg["kalshi_market_ticker"], *counts, cents, 5]])


def test_what_a_venue_has_paid_out_is_a_fact_once_and_no_difference() -> None:
    with asked_box() as box:
        hello(box)
        leg = kalshi_leg(traded(box))
        ended(box, leg, leg["contracts"], 100)
        ended(box, leg, leg["contracts"], 100)
        found = [fact for fact in box.ledger.facts if isinstance(fact, Settled)]
        assert [(fact.market, fact.value, fact.paper, fact.source) for fact in found] == [
            (leg["kalshi_market_ticker"], 10_000, False, "lisbon")
        ]
        assert (differences(box), drifts(box)) == ([], 0)


@pytest.mark.parametrize("wrong", [-1, 1])
def test_a_settlement_of_another_count_is_a_difference_for_a_person(wrong: int) -> None:
    with asked_box() as box:
        hello(box)
        leg = kalshi_leg(traded(box))
        for _ in range(3):
            ended(box, leg, leg["contracts"] + wrong, 100)
        assert not any(isinstance(fact, Settled) for fact in box.ledger.facts)
        assert [kind for kind, *_ in differences(box)] == ["position"]
        assert drifts(box) == 1


def test_an_order_under_an_id_that_the_ledger_does_not_have_stays_until_the_ledger_has_it() -> None:
    with asked_box() as box:
        hello(box)
        answer(box, ["T", "yes", 2], orders=(["by-hand", "o9", "T", 2, 0, 1], ["idle", "o8", "T", 0, 0, 1]))
        assert ("order", "by-hand", "an order on T: 2 filled", "no such order") in differences(box)
        assert len(differences(box)) == 2, "the order that did nothing is none"
        box.pass_time(AGAIN_S)
        answer(box, ["T", "yes", 2])
        assert [kind for kind, *_ in differences(box)] == ["order", "position"], "the venue lists new orders only"
        assert drifts(box) == 2


def test_a_leg_of_unknown_fate_is_a_tolerance_and_is_named() -> None:
    with asked_box() as box:
        hello(box)
        unknown = {"success": False, "status": "unknown", "final": False, "filled": 0, "revision": 1, "paper": False}
        leg = kalshi_leg(traded(box, **{KALSHI: unknown}))
        box.pass_time(EVERY_S)
        answer(box, [leg["kalshi_market_ticker"], leg["side"], 1])
        assert differences(box) == []
        (tolerated,) = account(box)["tolerated"]
        assert tolerated["unknown_legs"] == [leg["leg_id"]]
        box.pass_time(EVERY_S)
        answer(box, [leg["kalshi_market_ticker"], leg["side"], leg["contracts"] + 1])
        assert leg["leg_id"] in account(box)["differences"][0]["reason"]


def test_cash_that_moved_without_a_fill_is_shown_and_wakes_nobody() -> None:
    with asked_box() as box:
        hello(box)
        answer(box)
        for _ in range(3):
            box.pass_time(EVERY_S)
            answer(box, accounts=[["0", 60], ["3", 45]])
        assert [kind for kind, *_ in differences(box)] == ["cash"]
        assert drifts(box) == 0


def test_local_paper_accounts_agree_with_the_ledger_after_a_trade() -> None:
    with ControllerBox([pair(0)], local=PLATFORMS, reconcile_every_us=EVERY_S * 1_000_000) as box:
        box.feed(*ARB)
        assert box.status()["trades"]["hedged"] == 1
        box.pass_time(EVERY_S)
        found = said(box)["accounts"]
        assert {(one["platform"], one["money"], one["not_comparable"]) for one in found} == {
            (platform, "paper", None) for platform in PLATFORMS
        }
        assert [one["differences"] for one in found] == [[], []]
        box.venues[KALSHI]._held.clear()
        box.pass_time(EVERY_S)
        assert len(account(box)["differences"]) == 1


def test_a_trader_asks_the_venue_that_its_orders_go_to_and_answers_on_the_connection_that_asked() -> None:
    with TraderBox(dry_run=False, live={KALSHI: ScriptedVenue(KALSHI)}) as box:
        box.say_init(1, **LEVEL_2, dry_run=True)
        assert box.frames(1, "init_ack")[0]["holdings"] is True
        query = {"type": "holdings_query", "number": 4, "platforms": [KALSHI], "since_us": 1}
        box.receive(1, query)
        (told,) = box.frames(1, "holdings")
        assert told["paper"] is True
        assert (told["number"], told["platform"], told["positions"]) == (4, KALSHI, [])
        box.say_init(2, **LEVEL_2, dry_run=False)
        box.receive(2, query)
        assert box.frames(2, "holdings")[0]["error"] == "this venue cannot be asked what it holds"
