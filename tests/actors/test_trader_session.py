"""One connected trader, seen from the controller: hello, level, keepalive, legs and what is missing at level 1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from actors.messages import Directory, LegOrder, LegsNotSent, LinkClosed, TimerFired, Unregistered
from actors.session_questions import SessionSetup
from actors.trader_session import HELLO_LIMIT_US, MAX_LEGS, TraderSession
from market.opportunity import ArbType
from protocol.terms import KALSHI, PLATFORMS, POLYMARKET, LegId
from simulation.boxes import ControllerBox
from simulation.clock import VirtualClock
from simulation.doubles import Say, inbox
from tests.actors.kit import ARB, BOOKS, a_leg, dollars, offer, order, result, states, texts, trades
from tests.market.builders import NO, TICKER, pair
from transport.host import ActorHost

LEVEL_2: dict[str, Any] = {"protocol": 2, "trader_id": "lisbon", "unacked": 0}


@pytest.fixture
def box() -> Iterator[ControllerBox]:
    with ControllerBox([pair(0), pair(1)]) as made:
        yield made


def connection(box: ControllerBox) -> dict[str, Any]:
    found: dict[str, Any] = box.status()["connections"][0]
    return found


# -- hello ---------------------------------------------------------------------------------------------------------


def test_init_is_the_first_frame_on_every_connection(box: ControllerBox) -> None:
    for conn_id in (1, 2):
        box.connect(conn_id)
        (first,) = box.frames(conn_id)
        assert first["type"] == "init"
        assert (first["platforms"], first["dry_run"]) == (["kalshi", "polymarket"], True)
        assert (first["protocol"], first["controller_id"], first["heartbeat_ms"]) == (2, "box", 5_000)
    assert box.frames(1)[0]["session_id"] != box.frames(2)[0]["session_id"]


@pytest.mark.parametrize("dry_run", [True, False])
def test_the_hello_propagates_the_dry_run(*, dry_run: bool) -> None:
    with ControllerBox([pair()], dry_run=dry_run) as box:
        box.connect(1)
        assert box.frames(1)[0]["dry_run"] is dry_run


@pytest.mark.parametrize(
    ("controller", "trader", "dry"),
    [(False, False, False), (True, False, True), (False, True, True), (True, True, True)],
)
def test_dry_run_is_the_or_of_both_ends_and_the_end_that_wished_it_is_named(
    *, controller: bool, trader: bool, dry: bool
) -> None:
    with ControllerBox([pair()], dry_run=controller) as box:
        box.say_hello(1, dry_run=trader, **LEVEL_2)
        assert connection(box)["dry_run"] is dry
        (note,) = box.notes("lisbon executes kalshi, polymarket")
        who = "the controller" if controller else "the trader"
        assert (f"dry run, asked by {who}" if dry else "live") in note.text


def test_a_peer_that_never_says_who_it_is_is_dropped(box: ControllerBox) -> None:
    box.connect(1)
    box.receive(1, {"type": "ping"})
    for _ in range(9):
        box.pass_time(1)
        box.receive(1, {"type": "ping"})
    assert box.link.ended == []
    box.pass_time(1)
    assert box.link.ended == [(1, "no init_ack")]


def test_a_connection_has_its_time_however_old_the_controller_is(box: ControllerBox) -> None:
    box.pass_time(1_000)
    box.connect(1)
    box.pass_time(9)
    assert box.link.ended == []
    assert connection(box)["since_s"] == 9


def test_the_limit_of_the_hello_holds_also_under_slow_heartbeats() -> None:
    with ControllerBox([pair()], heartbeat_us=600_000_000) as box:
        box.connect(1)
        box.clock.advance(HELLO_LIMIT_US)
        assert box.link.ended == [(1, "no init_ack")]


# -- levels --------------------------------------------------------------------------------------------------------


def test_without_a_level_in_the_ack_nothing_of_level_2_is_written(box: ControllerBox) -> None:
    box.say_hello(1)
    offer(box)
    first, second = box.frames(1, "execute_leg")
    assert first == {
        "type": "execute_leg",
        "market_id": 7,
        "leg_id": "t1-1",
        "platform": "kalshi",
        "action": "buy",
        "side": "yes",
        "price": 45,
        "contracts": 10,
        "kalshi_market_ticker": TICKER,
        "pair_id": "pair_0",
        "description": "a test",
    }
    assert (second["platform"], second["poly_token"]) == ("polymarket", NO)
    assert "kalshi_market_ticker" not in second
    assert box.frames(1, "book") == []


def test_at_level_1_the_operator_is_told_what_is_missing_in_the_log_and_in_the_status(box: ControllerBox) -> None:
    box.say_hello(1)
    (note,) = box.notes("speaks level 1")
    assert note.level == "warning"
    missing = connection(box)["missing"]
    assert connection(box)["level"] == 1
    assert any("no expiry" in promise for promise in missing)
    assert any("after a reconnect" in promise for promise in missing)
    assert all(promise in note.text for promise in missing)


def test_at_level_2_a_leg_says_its_trade_and_when_it_expires(box: ControllerBox) -> None:
    box.say_hello(1, **LEVEL_2)
    offer(box)
    (first, _) = box.frames(1, "execute_leg")
    assert first["trade_id"] == "t1"
    assert first["expires_at_ms"] == box.clock.unix_us() // 1_000 + 2_000
    assert connection(box)["missing"] == []
    assert not box.notes("speaks level 1")


def test_a_higher_level_than_ours_is_spoken_at_ours(box: ControllerBox) -> None:
    box.say_hello(1, **LEVEL_2 | {"protocol": 9})
    assert connection(box)["level"] == 2


def test_the_book_goes_before_the_leg_of_a_paper_venue_and_only_there(box: ControllerBox) -> None:
    box.say_hello(1, paper=["kalshi"], **LEVEL_2)
    box.feed(*ARB)
    assert [frame["type"] for frame in box.frames(1)] == ["init", "resume", "book", "execute_leg", "execute_leg"]
    (sent,) = box.frames(1, "book")
    assert (sent["platform"], sent["market"], sent["asks"]) == ("kalshi", TICKER, [[45, 10]])


def test_without_a_book_the_leg_leaves_all_the_same(box: ControllerBox) -> None:
    box.say_hello(1, paper=["kalshi"], **LEVEL_2)
    offer(box)
    assert [frame["type"] for frame in box.frames(1)] == ["init", "resume", "execute_leg", "execute_leg"]


def test_both_legs_of_one_market_are_preceded_by_the_same_book(box: ControllerBox) -> None:
    box.say_hello(1, paper=["kalshi"], **LEVEL_2)
    box.feed(*BOOKS[ArbType.KALSHI_ONLY])
    assert [frame["type"] for frame in box.frames(1)] == [
        "init",
        "resume",
        "book",
        "execute_leg",
        "book",
        "execute_leg",
    ]
    first, second = box.frames(1, "book")
    assert first == second


def test_the_traders_own_limit_bounds_the_arbs_it_is_sent(box: ControllerBox) -> None:
    box.say_hello(1, max_leg_notional=1.35, **LEVEL_2)
    box.feed(*ARB)
    assert {frame["contracts"] for frame in box.frames(1, "execute_leg")} == {3}


# -- keepalive -----------------------------------------------------------------------------------------------------


def test_an_idle_interval_is_ended_by_a_ping_with_a_timestamp(box: ControllerBox) -> None:
    box.say_hello(1)
    box.pass_time(4.9)
    assert box.frames(1, "ping") == []
    box.pass_time(0.1)
    assert box.frames(1, "ping") == [{"type": "ping", "timestamp": box.clock.unix_us() // 1_000_000}]


def test_whoever_sends_anyway_does_not_ping(box: ControllerBox) -> None:
    box.say_hello(1)
    for number in range(10):
        box.pass_time(4)
        box.receive(1, {"type": "ping", "timestamp": number})
    assert box.frames(1, "ping") == []
    assert len(box.frames(1, "pong")) == 10


def test_three_intervals_without_any_frame_drop_the_link(box: ControllerBox) -> None:
    box.say_hello(1)
    box.pass_time(14.9)
    assert box.link.ended == []
    assert box.traders.is_connected(KALSHI)
    box.pass_time(0.1)
    assert box.link.ended == [(1, "silent for 15 s")]
    assert not box.traders.is_connected(KALSHI)


@pytest.mark.parametrize(
    "frame",
    [
        '{"type": "pong"}',
        '{"type": "ping", "timestamp": 1}',
        '{"type": "poem", "verses": 3}',
        '{"type": "status", "platforms": ["kalshi"]}',
        '{"type": "leg_result", "leg_id": "x", "platform": "kalshi", "success": true}',
        '{"type": "ping", "timestamp": "noon"}',
        "not even JSON",
    ],
)
def test_any_frame_proves_that_the_other_end_lives(box: ControllerBox, frame: str) -> None:
    box.say_hello(1)
    for _ in range(5):
        box.pass_time(14)
        box.receive(1, frame)
    assert box.link.ended == []


@pytest.mark.parametrize("stamp", [0, 1_767_800_000, 1_767_800_000.5])
def test_a_pong_echoes_the_timestamp_of_its_ping(box: ControllerBox, stamp: float) -> None:
    box.say_hello(1)
    box.receive(1, {"type": "ping", "timestamp": stamp})
    assert box.frames(1, "pong") == [{"type": "pong", "timestamp": stamp}]


def test_a_pong_has_a_timestamp_even_when_its_ping_had_none(box: ControllerBox) -> None:
    box.say_hello(1)
    box.receive(1, {"type": "ping"})
    assert box.frames(1, "pong") == [{"type": "pong", "timestamp": box.clock.unix_us() // 1_000_000}]


def test_the_interval_is_the_configured_one() -> None:
    with ControllerBox([pair()], heartbeat_us=1_000_000) as box:
        box.connect(1)
        assert box.frames(1)[0]["heartbeat_ms"] == 1_000
        box.pass_time(2.9)
        assert len(box.frames(1, "ping")) == 2
        box.pass_time(0.1)
        assert box.link.ended == [(1, "silent for 3 s")]


# -- its end -----------------------------------------------------------------------------------------------------


def test_a_session_whose_link_is_gone_unregisters_once_and_sends_nothing_more() -> None:
    with ActorHost(VirtualClock()) as host:
        router, heard = inbox(host)
        others, told = inbox(host)
        session = host.create(TraderSession, "session")
        host.tell(session, Directory({"executor": others, "bridge": others, "clock": others, "telemetry": others}))
        setup = SessionSetup(
            conn_id=1,
            peer="peer",
            platforms=PLATFORMS,
            dry_run=False,
            controller_id="c",
            session_id="c-1",
            heartbeat_us=5_000_000,
        )
        host.tell(router, Say(session, setup))
        host.tell(session, LinkClosed(1, "reset"))
        host.tell(session, LinkClosed(1, "reset"))
        assert heard == [Unregistered(1, "reset")]
        told.clear()
        host.tell(session, LegOrder(a_leg()))
        host.tell(session, TimerFired("keepalive"))
        assert told == [LegsNotSent((LegId("l1"),), "the trader's connection is gone")]


# -- legs and results ----------------------------------------------------------------------------------------------


def test_a_seed_traders_result_is_a_fill_with_its_price_and_order_id(box: ControllerBox) -> None:
    box.say_hello(1)
    offer(box)
    box.receive(1, result("t1-1"))
    box.receive(1, result("t1-2", platform="polymarket", avg_price=44.5))
    (trade,) = trades(box).values()
    assert trade["state"] == "hedged"
    assert [(leg["filled"], str(leg["price"]), leg["order_id"]) for leg in trade["legs"]] == [
        (10, "45", "o-t1-1"),
        (10, "44.5", "o-t1-2"),
    ]
    assert dollars(trade["edge_usd"]) == dollars("1.05")


def test_a_rust_peers_success_is_unknown_when_live_and_the_operator_is_told() -> None:
    with ControllerBox([pair()], dry_run=False) as box:
        box.say_hello(1)
        offer(box)
        for leg_id in ("t1-1", "t1-2"):
            box.receive(
                1,
                {"type": "leg_result", "market_id": 7, "leg_id": leg_id, "platform": "kalshi", "action": "buy"}
                | {"side": "yes", "price": 45, "contracts": 10, "success": True, "latency_ns": 5, "error": None},
            )
        assert states(box) == ["unknown"]
        assert any("a success proves no fill" in promise for promise in connection(box)["missing"])
        assert len(box.notes("reports results without `filled`")) == 1


def test_a_rust_peers_success_is_as_asked_in_a_dry_run(box: ControllerBox) -> None:
    box.say_hello(1)
    offer(box)
    for leg_id in ("t1-1", "t1-2"):
        box.receive(1, {"type": "leg_result", "leg_id": leg_id, "platform": "kalshi", "success": True})
    (trade,) = trades(box).values()
    assert (trade["state"], trade["edge_usd"]) == ("hedged", 1)
    assert all(leg["paper"] for leg in trade["legs"])


def test_a_level_1_traders_unknown_is_unknown_and_its_second_word_the_proof(box: ControllerBox) -> None:
    box.say_hello(1)
    offer(box)
    box.receive(1, result("t1-1"))
    box.receive(1, result("t1-2", success=False, filled=0, error="unknown: no answer from polymarket"))
    assert states(box) == ["unknown"]
    assert not box.notes("reports results without")
    box.receive(1, result("t1-2"))
    assert states(box) == ["hedged"]


def test_the_highest_revision_of_a_level_2_result_holds(box: ControllerBox) -> None:
    box.say_hello(1, **LEVEL_2)
    offer(box)
    box.receive(1, result("t1-1", status="filled", revision=2))
    box.receive(1, result("t1-2", status="filled", revision=1))
    box.receive(1, result("t1-2", status="unfilled", filled=0, avg_price=0, revision=0))
    assert states(box) == ["hedged"]
    assert connection(box)["missing"] == []


def test_a_result_for_a_leg_that_was_sent_elsewhere_is_ignored(box: ControllerBox) -> None:
    box.say_hello(1, ["kalshi"])
    box.say_hello(2, ["polymarket"])
    offer(box)
    box.receive(2, result("t1-1"))
    assert [leg["status"] for leg in trades(box)["t1"]["legs"]] == ["waiting", "waiting"]
    (note,) = box.notes("ignored a result for a leg that was not sent here: t1-1")
    assert note.level == "warning"


def test_a_result_that_does_not_parse_proves_nothing(box: ControllerBox) -> None:
    box.say_hello(1)
    offer(box)
    box.receive(1, result("t1-1", filled="ten"))
    assert trades(box)["t1"]["legs"][0]["status"] == "waiting"
    assert any("filled must be a number" in text for text in texts(box, "WS"))
    assert not box.notes("registers nothing")


def test_what_concerns_a_leg_is_logged_with_it_under_the_routings_prefix(box: ControllerBox) -> None:
    box.say_hello(1)
    offer(box)
    box.receive(1, result("t1-1"))
    (note,) = box.notes("answered filled")
    assert (note.component, note.leg_id, note.pair_id) == ("REMOTE_EXEC", "t1-1", "pair_0")


def test_legs_count_as_unanswered_until_their_result(box: ControllerBox) -> None:
    box.say_hello(1)
    offer(box)
    assert connection(box)["unanswered"] == 2
    box.receive(1, result("t1-1"))
    assert connection(box)["unanswered"] == 1


def test_a_peer_that_never_answers_cannot_make_the_controller_grow(box: ControllerBox) -> None:
    box.say_hello(1)
    session = box.instance("router").sessions[1]
    for number in range(MAX_LEGS + 5):
        box.host.tell(session, LegOrder(a_leg(f"x{number}")))
    assert connection(box)["unanswered"] == MAX_LEGS


def test_a_leg_to_a_connection_that_is_gone_is_proven_not_sent(box: ControllerBox) -> None:
    box.say_hello(1, ["kalshi"])
    box.say_hello(2, ["polymarket"])
    box.link.full.add(2)
    offer(box)
    assert [line["unanswered"] for line in box.status()["connections"]] == [1, 0]
    kalshi_leg, poly_leg = trades(box)["t1"]["legs"]
    assert kalshi_leg["status"] == "waiting"
    assert (poly_leg["status"], poly_leg["error"]) == ("rejected", "not sent: the trader's connection is gone")
    assert box.traders.is_connected(POLYMARKET)


def test_a_traders_own_report_is_shown_in_the_status(box: ControllerBox) -> None:
    box.say_hello(1, **LEVEL_2)
    box.receive(1, {"type": "status", "platforms": ["kalshi"], "halted": True, "journal_depth": 3})
    assert connection(box)["report"] == {"platforms": ["kalshi"], "halted": True, "journal_depth": 3}


def test_the_connection_says_its_age_and_silence(box: ControllerBox) -> None:
    box.say_hello(1, **LEVEL_2)
    box.pass_time(4)
    line = connection(box)
    assert (line["trader_id"], line["peer"], line["state"]) == ("lisbon", "127.0.0.1:1", "ready")
    assert (line["since_s"], line["silent_ms"]) == (4, 4_000)


def test_messages_that_only_a_controller_sends_change_nothing(box: ControllerBox) -> None:
    box.say_hello(1)
    before = box.status()
    box.receive(1, {"type": "init", "platforms": ["kalshi"], "dry_run": False})
    box.receive(1, order())
    assert box.status() == before
