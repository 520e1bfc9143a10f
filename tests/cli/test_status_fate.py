"""What is not proven, not hedged or not written down is shown, and nothing where all is well."""

from __future__ import annotations

from typing import Any

from cli.output import Style
from cli.status_fate import fate, ledger_line
from cli.status_view import render
from cli.words import moment

UNKNOWN = {"leg_id": "l1", "platform": "polymarket", "pair_id": "nba", "age_s": 65, "asked": 9}


def shown(**document: Any) -> str:
    return "\n".join(fate(document, Style(), 80))


def test_where_all_is_well_there_is_nothing_to_read() -> None:
    assert shown(unknown=[], dust=[], recovering=0, ledger={"broken": None}, recent_trades=[{"state": "hedged"}]) == ""


def test_a_leg_of_unknown_fate_is_named_with_its_age_and_how_often_was_asked() -> None:
    text = shown(unknown=[UNKNOWN])
    assert "l1" in text
    assert "1 m 05 s" in text
    assert "9 times" in text


def test_a_naked_trade_says_what_stands_alone_and_why() -> None:
    excess = [{"platform": "kalshi", "side": "yes", "contracts": 5}]
    text = shown(recent_trades=[{"state": "naked", "trade_id": "t1", "reason": "no book", "excess": excess}])
    assert "naked: trade t1: no book" in text
    assert "5 yes on kalshi stand alone" in text


def test_a_broken_ledger_or_journal_and_a_recovery_are_said() -> None:
    text = shown(ledger={"broken": "disk full"}, journal={"broken": "read-only"}, recovering=2)
    assert "the ledger cannot be written, nothing new is traded: disk full" in text
    assert "the journal cannot be written, nothing new is traded: read-only" in text
    assert "recovering: 2 trades" in text


def test_a_traders_own_unknown_legs_are_shown_too() -> None:
    assert "l1" in shown(traders=[{"unknown_legs": [UNKNOWN]}])


def test_the_ledger_says_how_far_behind_it_is() -> None:
    assert ledger_line({"ledger": {"writes": 5, "behind": 0}}) == "ledger: 5 writes, all on disk"
    assert ledger_line({"ledger": {"writes": 5, "behind": 2}}) == "ledger: 5 writes, 2 writes behind"
    assert ledger_line({"journal": {"depth": 7}}) == "journal: 7 results not acked yet"
    assert ledger_line({}) == ""


RETURNS_US = 1_795_300_000_000_000
RISK = {
    "state": "halted",
    "lost_today_usd": 12,
    "limits": {"total": 100, "daily_loss": 100},
    "breakers": [
        {"id": "clock-1", "what": "lisbon", "text": "the clock is off", "until_us": 5_000_000},
        {"id": "daily-loss-2", "what": "", "text": "lost today", "until_us": None},
        {"id": "mismatch-3", "what": "q1", "effect": "set-aside", "text": "3 differed", "until_us": RETURNS_US},
    ],
    "exposure": {"real": {"in total": 9, "pair p": 9, "venue kalshi": 4}, "paper": {}},
    "refused": {"the limit in total": 1_204},
    "capped": {},
    "waiting_for": ["oslo"],
    "out_of_reach": {"bergen": "out of reach for 9 s"},
    "confirm": {"waiting": 2},
    "cash": {
        "asked_every_s": 30,
        "accounts": [
            {"platform": "kalshi", "shard": "3", "money": "real", "stated_usd": 5, "free_usd": 1.5, "age_s": 70}
            | {"by": "oslo", "failed": "the venue answered 503"}
        ],
        "silent": {"polymarket": "bergen speaks level 1 and cannot be asked"},
    },
}


def test_risk_is_shown_where_there_is_any() -> None:
    text = render({"role": "controller", "risk": RISK}, Style(colour=False), 100)
    for line in (
        f"clock-1 lisbon: the clock is off (it ends by itself at {moment(5_000_000)})",
        f"mismatch-3 q1: 3 differed (it is traded again at {moment(RETURNS_US)})",
        "daily-loss-2: lost today (acknowledge it with arb resume --ack)",
        "halted, and no word yet from oslo",
        "bergen: out of reach for 9 s",
        "lost today $12.00 of $100.00",
        "at stake, real: in total $9.00 of $100.00, venue kalshi $4.00",
        "refused: 1,204 by the limit in total",
        "cash at kalshi shard 3: $1.50 free, $5.00 1 m 10 s ago",
        "cash at kalshi shard 3 could not be asked for since: the venue answered 503",
        "cash at polymarket is not known and no limit: bergen speaks level 1 and cannot be asked",
        "2 trades wait for a person: arb confirm",
    ):
        assert f"  {line}" in text
    calm = {"state": "active", "lost_today_usd": 0, "exposure": {"real": {}, "paper": {}}, "refused": {}, "capped": {}}
    assert "Risk" not in render({"role": "controller", "risk": calm}, Style(colour=False), 100)
