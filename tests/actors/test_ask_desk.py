"""Confirm mode in the real controller: nothing leaves unasked; what was accepted leaves once, if it still clears."""

from __future__ import annotations

from typing import Any

from actors.messages import OpportunitySeen
from actors.risk.asking import AskRules
from actors.risk.plan import RiskPlan
from market.opportunity import ArbType
from protocol.terms import KALSHI, POLYMARKET, PairId
from protocol.units import USD, Money
from simulation.boxes import ControllerBox
from simulation.memory import MemoryLedger
from tests.actors.kit import ARB, BOOKS, arb, states, trades
from tests.market.builders import NO, kalshi, pair, poly

SECONDS = 1_000_000
ALL = AskRules(everything=True, expires_us=30 * SECONDS, rejected_us=20 * SECONDS)


def asking(rules: AskRules = ALL, **more: Any) -> ControllerBox:
    box = ControllerBox([pair(0), pair(1)], dry_run=False, risk=RiskPlan(asks=rules), **more)
    box.simulate(KALSHI)
    box.simulate(POLYMARKET)
    return box


def waiting(box: ControllerBox) -> list[dict[str, Any]]:
    return list(box.ask("confirm")["waiting"])


def test_a_trade_waits_and_shows_what_it_is_with_both_books_as_they_are_now() -> None:
    with asking() as box:
        box.feed(*ARB)
        box.feed(poly(NO, [(39, 10)], [(44, 7)], t=2))
        box.pass_time(5)
        (shown,) = waiting(box)
        assert (shown["pair_id"], shown["contracts"], shown["age_s"], shown["expires_in_s"]) == ("pair_0", 10, 5, 25)
        assert {book["platform"]: book["asks"] for book in shown["books"]}[POLYMARKET] == [[44, 7]]
        assert states(box) == []
        assert box.status()["risk"]["confirm"]["waiting"] == 1
        assert box.status()["risk"]["exposure"] == {"real": {}, "paper": {}}, "nothing is held for what waits"


def test_accepted_it_runs_once_and_no_larger_than_it_was_shown() -> None:
    with asking() as box:
        box.feed(*ARB)
        box.feed(kalshi([(40, 20)], [(45, 20)], t=2), poly(NO, [(40, 20)], [(45, 20)], t=2))
        answer = box.ask("accept", number=1)
        assert answer["said"] == "sent: trade t1, 10 contracts"
        assert trades(box)["t1"]["contracts"] == 10
        box.feed(kalshi([(40, 20)], [(45, 20)], t=3))
        assert len(trades(box)) == 1, "what is left is asked about anew"
        assert "no trade 1 waits" in box.ask("accept", number=1)["error"]


def test_accepted_and_gone_meanwhile_it_does_not_run_then_or_later() -> None:
    with asking() as box:
        box.feed(*ARB)
        box.feed(poly(NO, [(40, 10)], [(60, 10)], t=2))
        assert "does not clear any more" in box.ask("accept", number=1)["said"]
        box.feed(poly(NO, [(40, 10)], [(45, 10)], t=3))
        assert states(box) == []
        assert [each["number"] for each in waiting(box)] == [2]


def test_accepted_while_halted_it_does_not_run_and_says_why() -> None:
    with asking() as box:
        box.feed(*ARB)
        box.ask("halt", reason="lunch")
        assert "the state allows no new trade" in box.ask("accept", number=1)["said"]
        box.ask("resume", reason="back")
        assert states(box) == []


def test_rejected_the_pair_is_not_asked_about_for_a_while() -> None:
    with asking() as box:
        box.feed(*ARB)
        assert box.ask("reject", number=1)["said"] == "rejected"
        box.feed(kalshi([(40, 10)], [(45, 10)], t=2))
        assert waiting(box) == []
        box.pass_time(25)
        box.feed(kalshi([(40, 10)], [(45, 10)], t=3))
        assert [each["number"] for each in waiting(box)] == [2]


def test_what_nobody_answers_expires_and_is_asked_anew_where_it_is_still_there() -> None:
    with asking() as box:
        box.feed(*ARB)
        box.pass_time(31)
        (again,) = waiting(box)
        assert (again["number"], again["age_s"] <= 1) == (2, True)
        assert states(box) == []
        assert box.ask("confirm")["expired"] == 1


def test_a_pair_set_aside_is_not_asked_about_over_a_restart_either() -> None:
    ledger = MemoryLedger()
    with asking(ledger=ledger) as box:
        box.feed(*ARB)
        assert box.ask("aside", pair="pair_0")["said"] == "set aside"
        assert "there is no pair" in box.ask("aside", pair="pear_0")["error"]
        box.feed(kalshi([(40, 10)], [(45, 10)], t=2))
        assert waiting(box) == []
    with asking(ledger=MemoryLedger(list(ledger.facts))) as again:
        again.feed(*ARB)
        assert waiting(again) == []
        assert again.status()["risk"]["refused"] == {"the pair is set aside": 1}


def test_only_the_pairs_and_sizes_that_were_named_are_asked_about() -> None:
    with asking(AskRules(pairs=frozenset({PairId("pair_1")}))) as box:
        box.feed(*ARB)
        assert states(box) == ["hedged"]
        box.tell("executor", OpportunitySeen(arb(pair_id="pair_1")))
        assert [each["pair_id"] for each in waiting(box)] == ["pair_1"]
    with asking(AskRules(above=Money(8 * USD))) as box:
        box.feed(*ARB)
        assert [each["pair_id"] for each in waiting(box)] == ["pair_0"]
    with asking(AskRules(above=Money(9 * USD))) as box:
        box.feed(*ARB)
        assert states(box) == ["hedged"], "exactly so much is not more"


def test_another_kind_of_arb_than_was_accepted_is_asked_about() -> None:
    with asking() as box:
        box.feed(*ARB)
        box.feed(*BOOKS[ArbType.POLY_YES_KALSHI_NO], poly(NO, [(40, 10)], [(90, 10)], t=2))
        assert "does not clear any more" in box.ask("accept", number=1)["said"]
        assert states(box) == []
        assert [each["arb_type"] for each in waiting(box)] == [ArbType.POLY_YES_KALSHI_NO]


def test_a_new_scanner_still_shows_the_books_of_what_waits() -> None:
    with asking() as box:
        box.feed(*ARB)
        box.tell("scanner", object())
        box.feed(*ARB)
        assert [book["known"] for book in waiting(box)[0]["books"]] == [True, False, True]
