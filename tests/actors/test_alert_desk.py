"""What becomes an alert, how often it is told, and what the limit does not hold back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import alert_desk
from actors.alert_desk import (
    ASIDE,
    BREAKER,
    BY_COUNT,
    HALT,
    HOUR_US,
    SECOND_US,
    TRADING,
    Alert,
    AlertDesk,
    AlertRules,
    Kind,
    kind_of,
)
from actors.messages import Note, TradeMoved
from actors.risk.guard import RiskGuard
from actors.risk.state import Who
from actors.risk.watch import Match
from protocol.terms import PairId
from tests.risk.test_guard import a_guard

T0 = int(datetime(2026, 11, 22, 15, tzinfo=UTC).timestamp()) * SECOND_US
MINUTE = 60 * SECOND_US


def a_desk(**rules: Any) -> AlertDesk:
    return AlertDesk(AlertRules(**rules), UTC, 0, T0)


def naked(text: str = "NAKED: trade t1 stays open: no book", pair: str = "pair_0") -> Note:
    return Note("HYBRID", text, "error", None, PairId(pair), "naked")


def lost(number: int = 0) -> Note:
    return Note("ROUTER", f"no trader for kalshi: {'x' * number}", "warning", count="platform_lost")


def moved(status: str, leg_id: str = "l1", **more: Any) -> TradeMoved:
    record = {"trade_id": "t1", "pair_id": "pair_0", "state": "unknown", "edge_usd": None}
    whole = record | {"legs": [{"leg_id": leg_id, "status": status}]} | more
    return TradeMoved(whole["state"], lambda: whole)


def titles(alerts: list[Alert]) -> list[str]:
    return [alert.kind.title for alert in alerts]


# -- which ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", sorted(BY_COUNT))
@pytest.mark.parametrize(("level", "told"), [("error", True), ("warning", True), ("info", False), ("debug", False)])
def test_a_note_is_an_alert_by_its_counter_and_level(count: str, level: str, *, told: bool) -> None:
    assert (kind_of(Note("X", "text", level, count=count)) is not None) is told


def test_other_notes_are_none() -> None:
    assert kind_of(Note("X", "text", "error")) is None
    assert kind_of(Note("X", "text", "error", count="legs_answered")) is None
    assert a_desk().take(object(), T0) == []


def note_of(do: Callable[[RiskGuard], object]) -> Note:
    """What the executor notes of the risk guard's first word after this."""
    guard = a_guard()
    do(guard)
    guard.settle(T0)
    (line, *_) = guard.take_lines()
    return Note("RISK", line.text, "warning", count=line.counter, pair_id=line.pair_id)


@pytest.mark.parametrize(
    ("do", "kind"),
    [
        (lambda guard: guard.halt("a fire", T0), HALT),
        (lambda guard: guard.halt("an actor failed", T0, Who.SUPERVISOR), HALT),
        (lambda guard: guard.watch.clock("t", 10**12, T0), HALT),
        (lambda guard: guard.watch.unknown(4, T0), BREAKER),
        (lambda guard: guard.reduce("slowly", T0), TRADING),
        (lambda guard: mismatch(guard, 3), ASIDE),
    ],
)
def test_the_lines_of_the_risk_guard_are_understood(do: Callable[[RiskGuard], object], kind: Kind) -> None:
    assert kind_of(note_of(do)) == kind


def test_reasons_that_sound_like_something_else_change_nothing() -> None:
    assert kind_of(note_of(lambda guard: guard.reduce("active to halted by the breaker: a joke", T0))) == TRADING


def mismatch(guard: RiskGuard, times: int) -> None:
    for _ in range(times):
        guard.watch.matched(PairId("pair_0"), Match.MISMATCH, T0)


def test_a_pair_that_is_set_aside_is_told_once_with_when_it_returns_and_a_persons_own_wish_is_not() -> None:
    guard, desk = a_guard(), a_desk()
    mismatch(guard, 5)
    guard.settle(T0)
    (line,) = guard.take_lines()
    assert line.text.startswith("pair_0 is set aside until 2026-11-22 ")
    note = Note("RISK", line.text, "warning", count=line.counter, pair_id=line.pair_id)
    (alert,) = desk.take(note, T0)
    assert (alert.kind.title, alert.kind.critical) == ("Pair set aside", False)
    mismatch(guard, 5)
    guard.settle(T0 + 1)
    assert guard.take_lines() == (), "it stands: that is the same episode"
    guard.tick(T0 + 3_601 * SECOND_US)
    mismatch(guard, 3)
    guard.settle(T0 + 3_602 * SECOND_US)
    assert [line.counter for line in guard.take_lines()] == ["pairs_set_aside"], "a new one is a new episode"
    guard.aside(PairId("pair_1"), "I do not like it", T0)
    guard.settle(T0)
    (wish,) = guard.take_lines()
    assert kind_of(Note("RISK", wish.text, "warning", count=wish.counter)) is None


def test_a_refusal_by_risk_wakes_nobody() -> None:
    assert kind_of(Note("RISK", "refused on pair_0, pair limit: $1 left", "warning", count="risk")) is None


# -- how often -----------------------------------------------------------------------------------------------------


def test_the_same_is_told_once_and_later_with_how_often_it_came() -> None:
    desk = a_desk()
    assert titles(desk.take(naked(), T0)) == ["Naked leg"]
    for second in range(1, 900):
        assert desk.take(naked(f"NAKED: reason {second}"), T0 + second * SECOND_US) == []
    (again,) = desk.take(naked(), T0 + 900 * SECOND_US)
    assert again.text.endswith("[pair_0] (and 899 times more since it was told last)")
    assert titles(desk.take(naked(pair="pair_1"), T0)) == ["Naked leg"], "another pair is another matter"


def test_numbers_alone_make_no_news_but_words_do() -> None:
    desk = a_desk()
    assert desk.take(Note("X", "HALTED: 3 errors", "error", count="halts"), T0)
    assert desk.take(Note("X", "HALTED: 4 errors", "error", count="halts"), T0) == []
    assert desk.take(Note("X", "HALTED: by hand", "error", count="halts"), T0)


def test_more_than_the_limit_is_held_back_and_counted_and_critical_ones_are_not() -> None:
    desk = a_desk(per_hour=3, repeat_us=0)
    told = [desk.take(lost(number), T0 + number) for number in range(1, 11)]
    assert [len(alerts) for alerts in told] == [1, 1, 1] + [0] * 7
    for number in range(50):
        (critical,) = desk.take(naked(pair=f"pair_{number}"), T0 + 20)
        assert ("7 other alerts were held back" in critical.text) is (number == 0)
    assert desk.take(lost(11), T0 + HOUR_US) == []
    assert len(desk.take(lost(12), T0 + HOUR_US + 1)) == 1, "the first one is an hour old"


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_desk, "MAX_KEYS", 10)
    desk = a_desk()
    for number in range(100):
        desk.take(naked(pair=f"p{number}"), T0)
        desk.take(moved("unknown", f"l{number}", trade_id=f"t{number}"), T0)
    assert (len(desk.told_us), len(desk.unknown), len(desk.trades)) == (10, 10, 10)


@given(st.lists(st.tuples(st.sampled_from(["naked", "platform_lost", "halts"]), st.integers(0, 30)), max_size=200))
def test_never_more_than_the_limit_in_any_hour(events: list[tuple[str, int]]) -> None:
    desk, now, told = a_desk(per_hour=2, repeat_us=0), T0, []
    for count, minutes in events:
        now += minutes * MINUTE
        told += [now for alert in desk.take(Note("X", "text", "error", count=count), now) if not alert.kind.critical]
    assert all(sum(1 for at in told if now - HOUR_US < at <= now) <= 2 for now in told)


# -- unknown legs --------------------------------------------------------------------------------------------------


def test_a_leg_that_stays_unknown_is_told_once() -> None:
    desk = a_desk(unknown_us=MINUTE)
    desk.take(moved("unknown"), T0)
    desk.take(moved("unknown"), T0 + MINUTE - 1)
    assert desk.tick(T0 + MINUTE - 1) == []
    (alert,) = desk.tick(T0 + MINUTE)
    assert "what became of leg l1 for 60 s" in alert.text
    desk.take(moved("unknown"), T0 + 2 * MINUTE)
    assert desk.tick(T0 + HOUR_US) == []


def test_a_leg_that_was_proven_in_time_is_none() -> None:
    desk = a_desk(unknown_us=MINUTE)
    desk.take(moved("unknown"), T0)
    desk.take(moved("filled"), T0 + 1)
    assert desk.tick(T0 + HOUR_US) == []


# -- the day -------------------------------------------------------------------------------------------------------


def test_the_summary_comes_at_the_end_of_the_traders_day_and_begins_anew() -> None:
    desk = AlertDesk(AlertRules(per_hour=0), ZoneInfo("America/New_York"), 0, T0)
    desk.take(moved("unknown", state="sent"), T0)
    desk.take(moved("filled", state="hedged", edge_usd=1.25), T0)
    desk.take(moved("filled", state="hedged", edge_usd=2, trade_id="t2"), T0)
    desk.take(naked(), T0)
    midnight = int(datetime(2026, 11, 23, 5, tzinfo=UTC).timestamp()) * SECOND_US
    assert desk.tick(midnight - 1) == []
    (summary,) = desk.tick(midnight)
    assert summary.text == "trades: 2 hedged\nedge locked in: $3.25\nalerts: 1 Naked leg"
    (next_day,) = desk.tick(midnight + 24 * HOUR_US)
    assert next_day.text == "trades: none\nedge locked in: $0\nalerts: none"


def test_nobody_has_to_have_a_summary() -> None:
    assert a_desk(summary=False).tick(T0 + 24 * HOUR_US) == []
