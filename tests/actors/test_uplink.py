"""The trader's end of the wire, driven by a controller that writes raw JSON."""

from __future__ import annotations

import pytest

from actors import uplink
from actors.bridge import MAX_BAD_FRAMES
from protocol.terms import KALSHI, Status
from simulation.boxes import TraderBox
from simulation.doubles import ScriptedVenue
from tests.actors.kit import LEVEL_2, SEED_FIELDS, book, only_result, order, outcome, results, texts

SEED_ACK = {"type": "init_ack", "success": True, "platforms": ["kalshi", "polymarket"], "error": None}


# -- a controller that knows only the seed -------------------------------------------------------------------------


def test_a_hello_without_a_level_is_answered_without_a_word_of_level_2(trader: TraderBox) -> None:
    trader.say_init(1)
    assert trader.frames(1) == [SEED_ACK]


def test_a_seed_controller_gets_the_seeds_fields_and_no_others(trader: TraderBox) -> None:
    trader.say_init(1)
    trader.receive(1, order())
    told = only_result(trader)
    assert list(told) == SEED_FIELDS
    assert told == {
        "type": "leg_result",
        "leg_id": "l1",
        "platform": "kalshi",
        "success": True,
        "filled": 10,
        "avg_price": 52,
        "order_id": "paper-l1",
        "error": None,
    }


def test_a_dry_run_without_books_fills_as_asked(trader: TraderBox) -> None:
    trader.say_init(1)
    trader.receive(1, order(price=47.25, contracts=3.5, side="no", platform="polymarket", poly_token="222"))
    told = only_result(trader)
    assert (told["filled"], told["avg_price"], told["success"]) == (3.5, 47.25, True)


def test_a_seed_controller_reads_unknown_in_the_error_and_the_proof_in_a_second_result(venue: ScriptedVenue) -> None:
    with TraderBox(dry_run=False, live={KALSHI: venue}) as box:
        box.say_init(1, dry_run=False)
        box.receive(1, order())
        box.pass_time(4.2)
        told = only_result(box)
        assert (told["success"], told["filled"]) == (False, 0)
        assert told["error"].startswith("unknown: no answer from kalshi within 4 s")
        venue.answer(outcome("l1", Status.FILLED, 10))
        assert [told["success"] for told in results(box)] == [False, True]
        assert [list(told) for told in results(box)] == [SEED_FIELDS] * 2


# -- level 2 -------------------------------------------------------------------------------------------------------


def test_a_hello_of_level_2_says_who_this_is_and_what_it_does(trader: TraderBox) -> None:
    trader.say_init(1, **LEVEL_2)
    ack, report, ping = trader.frames(1)
    assert ping["sent_us"] == trader.clock.unix_us(), "the clocks are compared from the beginning"
    assert ack == SEED_ACK | {
        "protocol": 2,
        "trader_id": "trader-box",
        "unacked": 0,
        "dry_run": True,
        "paper": ["kalshi", "polymarket"],
        "max_leg_notional": 1_000,
        "cash": True,
        "holdings": True,
    }
    assert report["type"] == "status"
    assert (report["dry_run"], report["dry_run_by"]) == (True, "dry run, wanted by both ends")
    assert report["open_legs"] == 0


def test_only_what_is_simulated_asks_for_books(live: TraderBox) -> None:
    assert live.frames(1, "init_ack")[0]["paper"] == ["polymarket"]
    assert (live.frames(1, "status")[0]["dry_run"], live.frames(1, "status")[0]["dry_run_by"]) == (False, "live")
    live.say_init(2, dry_run=True, **LEVEL_2)
    assert live.frames(2, "init_ack")[0]["paper"] == ["kalshi", "polymarket"]


def test_a_trader_that_is_dry_itself_asks_for_every_book(venue: ScriptedVenue) -> None:
    with TraderBox(dry_run=True, live={KALSHI: venue}) as box:
        box.say_init(1, dry_run=False, **LEVEL_2)
        assert box.frames(1, "init_ack")[0]["paper"] == ["kalshi", "polymarket"]
        assert box.frames(1, "status")[0]["dry_run"]


def test_a_book_of_an_earlier_connection_fills_nothing(trader: TraderBox) -> None:
    trader.say_init(1, **LEVEL_2)
    trader.receive(1, book([], [(50, 10)]))
    trader.disconnect(1)
    trader.say_init(2, **LEVEL_2)
    trader.receive(2, order())
    assert only_result(trader, 2)["status"] == "unfilled"


def test_the_report_counts_the_legs_that_were_not_answered(live: TraderBox, venue: ScriptedVenue) -> None:
    live.receive(1, order("l1"))
    live.receive(1, order("l2"))
    venue.answer(outcome("l1", Status.FILLED, 10))
    live.say_init(2, dry_run=False, **LEVEL_2)
    assert live.frames(2, "status")[0]["open_legs"] == 1


def test_memory_of_books_is_bounded(trader: TraderBox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uplink, "MAX_BOOKS", 2)
    trader.say_init(1, **LEVEL_2)
    for market in ("A", "B", "C"):
        trader.receive(1, book([], [(50, 10)], market=market))
    for market in ("A", "B", "C"):
        trader.receive(1, order(market, kalshi_market_ticker=market))
    assert [told["status"] for told in results(trader)] == ["unfilled", "filled", "filled"]


def test_the_book_before_a_leg_is_what_it_is_filled_against(trader: TraderBox) -> None:
    trader.say_init(1, **LEVEL_2)
    trader.receive(1, book([(40, 5)], [(50, 4), (51, 3), (53, 10)]))
    trader.receive(1, order())
    told = only_result(trader)
    assert (told["status"], told["filled"], told["cost"], told["fees"]) == ("partial", 7, 3.53, 0)
    assert (told["paper"], told["final"], told["revision"]) == (True, True, 0)
    assert told["avg_price"] == 50.4286
    echoed = {key: told[key] for key in ("trader_id", "pair_id", "market_id", "action", "side", "price", "contracts")}
    assert echoed == {
        "trader_id": "trader-box",
        "pair_id": "pair_0",
        "market_id": 7,
        "action": "buy",
        "side": "yes",
        "price": 52,
        "contracts": 10,
    }


def test_fees_are_those_the_book_states(trader: TraderBox) -> None:
    trader.say_init(1, **LEVEL_2)
    trader.receive(1, book([], [(50, 10)], fee_rate="0.07"))
    trader.receive(1, order())
    # 0.07 x 10 x 0.5 x 0.5, rounded up to the cent.
    assert only_result(trader)["fees"] == 0.18


def test_what_a_leg_took_is_gone_until_the_venue_has_spoken(trader: TraderBox) -> None:
    trader.say_init(1, **LEVEL_2)
    for leg_id, seq in (("l1", 1), ("l2", 1), ("l3", 2)):
        trader.receive(1, book([], [(50, 6)], seq=seq))
        trader.receive(1, order(leg_id, contracts=4))
    assert [told["filled"] for told in results(trader)] == [4, 2, 4]


def test_without_a_book_nothing_is_filled_at_level_2(trader: TraderBox) -> None:
    trader.say_init(1, **LEVEL_2)
    trader.receive(1, order())
    told = only_result(trader)
    assert (told["success"], told["status"], told["filled"]) == (False, "unfilled", 0)
    assert "no book" in told["error"]


def test_the_other_side_of_a_kalshi_book_is_its_mirror(trader: TraderBox) -> None:
    trader.say_init(1, **LEVEL_2)
    trader.receive(1, book([(60, 10)], []))
    trader.receive(1, order(side="no", price=40))
    assert (only_result(trader)["status"], only_result(trader)["cost"]) == ("filled", 4)


# -- keepalive and bad peers ---------------------------------------------------------------------------------------


def test_this_end_pings_too_and_gives_a_silent_controller_up(trader: TraderBox) -> None:
    trader.say_init(1)
    trader.pass_time(5)
    assert trader.frames(1, "ping") == [{"type": "ping", "timestamp": trader.clock.unix_us() // 1_000_000}]
    trader.pass_time(9.9)
    assert trader.link.ended == []
    trader.pass_time(0.1)
    assert trader.link.ended == [(1, "controller silent for 15 s")]
    assert trader.status()["link"]["state"] == "disconnected"


def test_the_controller_sets_the_interval(trader: TraderBox) -> None:
    trader.say_init(1, heartbeat_ms=1_000, **LEVEL_2)
    trader.pass_time(1)
    assert len(trader.frames(1, "ping")) == 2
    trader.pass_time(2)
    assert trader.link.ended == [(1, "controller silent for 3 s")]


def test_any_frame_keeps_the_link(trader: TraderBox) -> None:
    trader.say_init(1)
    for frame in ({"type": "pong"}, {"type": "ping"}, {"type": "poem"}, "{", order("x", price=0)):
        trader.pass_time(14)
        trader.receive(1, frame)
    trader.pass_time(14)
    assert trader.link.ended == []


def test_whoever_answers_anyway_does_not_ping(trader: TraderBox) -> None:
    trader.say_init(1)
    for _ in range(10):
        trader.pass_time(4)
        trader.receive(1, {"type": "ping"})
    assert trader.frames(1, "ping") == []


def test_a_connection_has_its_time_however_old_the_trader_is(trader: TraderBox) -> None:
    trader.pass_time(1_000)
    trader.connect(1)
    trader.pass_time(9)
    assert trader.link.ended == []
    assert trader.status()["link"]["since_s"] == 9


@pytest.mark.parametrize("stamp", [1_767_800_000, None])
def test_a_ping_is_answered_with_its_timestamp(trader: TraderBox, stamp: int | None) -> None:
    trader.say_init(1)
    trader.receive(1, {"type": "ping"} | ({} if stamp is None else {"timestamp": stamp}))
    (pong,) = trader.frames(1, "pong")
    assert pong["timestamp"] == (stamp or trader.clock.unix_us() // 1_000_000)


def test_a_controller_that_never_says_init_is_dropped(trader: TraderBox) -> None:
    trader.connect(1)
    for _ in range(9):
        trader.pass_time(1)
        trader.receive(1, {"type": "ping"})
    assert trader.link.ended == []
    trader.pass_time(1)
    assert trader.link.ended == [(1, "no init from the controller")]


def test_a_controller_that_keeps_sending_garbage_is_closed(trader: TraderBox) -> None:
    trader.say_init(1)
    for _ in range(MAX_BAD_FRAMES):
        trader.receive(1, "{")
    assert trader.link.ended == [(1, "1008 too many frames that do not parse")]
    assert trader.status()["state"] == "ACTIVE"


def test_half_a_surrogate_pair_in_an_order_stops_nothing(trader: TraderBox) -> None:
    trader.say_init(1)
    trader.receive(1, order("\ud800", platform="\ud800"))
    trader.receive(1, order("l1", price="\ud800", description="\ud800"))
    trader.receive(1, order("l2"))
    assert [(told["leg_id"], told["success"]) for told in results(trader)] == [("l1", False), ("l2", True)]
    assert trader.status()["state"] == "ACTIVE"


def test_a_long_word_from_a_venue_is_cut_to_what_the_wire_takes(live: TraderBox, venue: ScriptedVenue) -> None:
    live.receive(1, order())
    venue.answer(outcome("l1", Status.REJECTED, error="no" * 5_000))
    assert len(only_result(live)["error"]) == 2_000


# -- for people ----------------------------------------------------------------------------------------------------


def test_the_status_says_what_this_trader_does(live: TraderBox) -> None:
    live.receive(1, order())
    status = live.status()
    (trader,) = status["traders"]
    assert trader["agreed"] == ["kalshi", "polymarket"]
    assert (trader["open_legs"], trader["dry_run"], trader["max_leg_notional_usd"]) == (1, False, 1_000)
    assert (status["link"]["state"], status["link"]["level"], status["link"]["controller_id"]) == ("ready", 2, "c")


def test_every_line_about_a_leg_carries_its_ids(trader: TraderBox) -> None:
    trader.say_init(1)
    trader.receive(1, order())
    notes = [note for note in trader.memory.notes if getattr(note, "leg_id", None) == "l1"]
    assert [note.component for note in notes] == ["REMOTE_EXEC", "TRADER", "TRADER"]
    assert {note.pair_id for note in notes} == {"pair_0"}
    assert any("dry run: buy 10 yes at 52c on kalshi" in text for text in texts(trader, "TRADER"))
