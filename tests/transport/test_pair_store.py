"""The pairs store: whole or not at all, nothing traded that no person approved, and latched when terms change."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest

from market.pair import Pair
from market.pairs import format_pairs, parse_pairs
from pairing.approval import State, What
from protocol.terms import KALSHI, POLYMARKET
from tests.pairing.kit import VOID, gamma_game, kalshi_game, one_gamma, one_kalshi
from tests.transport.pair_store_kit import (
    HOUR,
    NAME,
    T0,
    approve,
    found,
    read_kalshi,
    read_polymarket,
    stored,
    take,
)
from transport.pairs.errors import PairStoreError
from transport.pairs.store import PairStore

ANOTHER = {"ticker": "KXNBAGAME-26JAN09TORBOS-TOR", "yes_sub_title": "Toronto"}


# -- the universe ---------------------------------------------------------------------------------------------------


def test_a_fetch_tells_what_is_new_changed_and_gone(tmp_path: Path) -> None:
    with PairStore(tmp_path / "pairs.db") as store:
        first, second = one_kalshi(kalshi_game()), one_kalshi(kalshi_game(**ANOTHER))
        counts = [take(store, first, second, t_us=T0)[0]]
        changed = one_kalshi(kalshi_game(close_time="2026-01-25T00:00:00Z"))
        counts.append(take(store, changed, t_us=T0 + HOUR)[0])
        counts.append(take(store, changed, second, t_us=T0 + 2 * HOUR)[0])

        assert [(taken.listed, taken.new, taken.changed, taken.gone) for taken in counts] == [
            (2, 2, 0, 0),
            (1, 0, 1, 1),
            (2, 0, 0, 0),
        ]
        assert [listing.market_id for listing in store.open_listings(KALSHI)] == [NAME, ANOTHER["ticker"]]
        last = store.last(KALSHI, whole=True)
        assert last is not None
        assert last.t_us == T0 + 2 * HOUR


def test_what_is_no_market_for_us_is_counted_and_not_kept(tmp_path: Path) -> None:
    with PairStore(tmp_path / "pairs.db") as store:
        combo = one_kalshi(kalshi_game(ticker="KXMVE-1", mve_collection_ticker="KXMVE"))
        closed = one_kalshi(kalshi_game(ticker="KXNBAGAME-OLD", status="closed"))
        taken, _ = take(store, combo, closed, one_kalshi(kalshi_game()), t_us=T0)

        assert taken.left_out == {"a combination of several markets": 1, "closed, or not yet open": 1}
        assert [listing.market_id for listing in store.open_listings(KALSHI)] == [NAME]


def test_an_empty_whole_set_is_a_broken_one(tmp_path: Path) -> None:
    with stored(tmp_path) as store:
        with pytest.raises(PairStoreError, match="listed no market at all, and nothing was changed"):
            store.take(KALSHI, (), t_us=T0, source="test", whole=True)

        assert len(list(store.open_listings(KALSHI))) == 1


def test_a_part_of_the_universe_leaves_the_rest_as_it_was(tmp_path: Path) -> None:
    with stored(tmp_path) as store:
        taken, _ = take(store, one_kalshi(kalshi_game(**ANOTHER)), t_us=T0, whole=False)

        assert (taken.new, taken.gone) == (1, 0)
        assert len(list(store.open_listings(KALSHI))) == 2


def test_a_fetch_that_breaks_in_the_middle_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with stored(tmp_path) as store:
        found(store)
        approve(store)
        monkeypatch.setattr(store.book, "latch_changed", lambda _t_us: 1 / 0)

        with pytest.raises(ZeroDivisionError):
            read_kalshi(store, rules_primary="Other rules.")
        monkeypatch.undo()

        assert store.find(NAME).state is State.APPROVED
        assert "Boston wins" in next(store.open_listings(KALSHI)).rules


def test_a_process_that_dies_in_the_middle_leaves_all_as_it_was(tmp_path: Path) -> None:
    with stored(tmp_path) as store:
        found(store)
        approve(store)
    child = os.fork()
    if child == 0:
        dying = PairStore(tmp_path / "pairs.db")
        dying.book.latch_changed = lambda _t_us: os._exit(9)  # type: ignore[assignment,method-assign]  # dies here
        read_kalshi(dying, rules_primary="Other rules.")
        os._exit(0)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 9
    with PairStore(tmp_path / "pairs.db") as store:
        assert store.find(NAME).state is State.APPROVED
        assert "Boston wins" in next(store.open_listings(KALSHI)).rules


# -- approval -------------------------------------------------------------------------------------------------------


def test_nothing_is_traded_before_a_person_approved_it(tmp_path: Path) -> None:
    with stored(tmp_path) as store:
        assert found(store) is State.PROPOSED
        assert store.approved().pairs == ()

        approve(store)

        (pair,) = store.approved().pairs
        assert (pair.pair_id, pair.market_id, pair.poly_yes_token, pair.poly_no_token) == (NAME, 0, "222", "111")
        assert (pair.event_id, pair.kalshi_tick, pair.polymarket_rate_ppm) == ("nba:game", 100, 0)
        decisions = [(each.what, each.who, each.state) for each in store.decisions(NAME)]
        assert decisions == [
            (What.PROPOSE, "arb", State.PROPOSED),
            (What.APPROVE, "ann", State.APPROVED),
        ]


@pytest.mark.parametrize(
    ("venue", "change", "field"),
    [
        ("kalshi", {"rules_primary": "If Boston wins by 2, the market resolves to Yes."}, "kalshi rules"),
        ("kalshi", {"close_time": "2026-01-25T00:00:00Z"}, "kalshi close time"),
        ("kalshi", {"fee_type": "quadratic", "fee_multiplier": 2}, "kalshi fees"),
        ("kalshi", {"can_close_early": False}, "kalshi early close"),
        ("polymarket", {"description": f"If the Celtics win, it resolves to Celtics. {VOID}"}, "polymarket rules"),
        ("polymarket", {"feesEnabled": True, "feeSchedule": {"rate": 0.05, "exponent": 1}}, "polymarket fees"),
        ("polymarket", {"endDate": "2026-01-11T00:30:00Z"}, "polymarket close time"),
        ("polymarket", {"outcomes": ["Celtics", "Raptors"]}, "polymarket outcomes"),
    ],
)
def test_other_terms_latch_the_pair_and_are_shown(
    tmp_path: Path, venue: str, change: dict[str, Any], field: str
) -> None:
    with stored(tmp_path) as store:
        found(store)
        approve(store)
        read = read_kalshi if venue == "kalshi" else read_polymarket

        (latched,) = read(store, T0 + HOUR, **change)

        assert (latched.pair_id, latched.note) == (NAME, field)
        assert [each.field for each in store.changed(store.find(NAME))] == [field]
        assert store.approved().pairs == ()
        assert store.not_approved([NAME]) == {NAME: f"its terms changed: {field}"}
        # And back again: what was latched stays so until a person has looked.
        assert read(store, T0 + 2 * HOUR) == []
        assert store.find(NAME).state is State.LATCHED
        approve(store, T0 + 3 * HOUR)
        assert len(store.approved().pairs) == 1


def test_prices_and_a_pause_latch_nothing(tmp_path: Path) -> None:
    with stored(tmp_path) as store:
        found(store)
        approve(store)

        assert read_kalshi(store, yes_bid_dollars="0.1000", no_ask_dollars="0.9000") == []
        assert read_kalshi(store, status="inactive") == []
        assert store.approved().shut == {NAME: "kalshi: closed, or not yet open"}
        assert read_kalshi(store) == []
        assert len(store.approved().pairs) == 1


def test_terms_that_change_while_a_market_is_paused_latch_it(tmp_path: Path) -> None:
    with stored(tmp_path) as store:
        found(store)
        approve(store)
        (latched,) = read_kalshi(store, status="inactive", rules_primary="Other rules.")

        assert latched.note == "kalshi rules"


def test_a_market_that_is_listed_no_more_is_not_traded(tmp_path: Path) -> None:
    with stored(tmp_path) as store:
        found(store)
        approve(store)
        take(store, one_kalshi(kalshi_game(**ANOTHER)), t_us=T0 + HOUR)

        assert store.approved().pairs == ()
        assert store.approved().shut == {NAME: "kalshi does not list it as open any more"}

        read_kalshi(store, T0 + 2 * HOUR)
        assert len(store.approved().pairs) == 1


def test_nobody_approves_terms_that_he_has_not_seen(tmp_path: Path) -> None:
    with stored(tmp_path) as store:
        found(store)
        seen = store.book.digests(store.find(NAME))
        read_kalshi(store, rules_primary="Other rules.")

        with pytest.raises(PairStoreError, match="its terms have changed since you read them"):
            store.decide(NAME, What.APPROVE, who="ann", t_us=T0, seen=seen)
        assert store.find(NAME).state is State.PROPOSED


def test_a_decision_is_not_undone_by_another_judgement(tmp_path: Path) -> None:
    with stored(tmp_path) as store:
        found(store)
        store.decide(NAME, What.REJECT, who="ann", t_us=T0)

        assert found(store, T0 + HOUR) is State.REJECTED
        assert store.approved().pairs == ()


def test_outcomes_found_the_other_way_round_latch_an_approved_pair(tmp_path: Path) -> None:
    with stored(tmp_path) as store:
        found(store)
        (wrong,) = [msgspec.structs.replace(store.find(NAME).pair, poly_yes_token="111", poly_no_token="222")]
        store.decide(NAME, What.APPROVE, who="ann", t_us=T0, pair=wrong)

        assert found(store, T0 + HOUR) is State.LATCHED
        assert store.decisions(NAME)[-1].changes[0].new == "YES = 222"


def test_one_kalshi_market_is_not_two_contracts(tmp_path: Path) -> None:
    with stored(tmp_path) as store:
        found(store)
        approve(store)
        take(store, one_gamma(gamma_game(conditionId="0xc9", clobTokenIds=["3", "4"])), t_us=T0)
        assert found(store) is State.PROPOSED
        twin = store.find("0xc9").pair.pair_id

        assert twin.startswith(f"{NAME}.")
        with pytest.raises(PairStoreError, match=f"{NAME} is approved with the same Kalshi market"):
            store.decide(twin, What.APPROVE, who="ann", t_us=T0)


def test_decisions_are_never_changed_or_deleted(tmp_path: Path) -> None:
    with stored(tmp_path) as store:
        found(store)
    with sqlite3.connect(tmp_path / "pairs.db") as connection:
        for statement in ("UPDATE arb_decisions SET who = 'bob'", "DELETE FROM arb_decisions"):
            with pytest.raises(sqlite3.IntegrityError, match="never"):
                connection.execute(statement)
    connection.close()


def test_pairs_of_one_event_share_its_name_across_series(tmp_path: Path) -> None:
    with stored(tmp_path) as store:
        found(store)
        polymarket = next(store.open_listings(POLYMARKET))
        total = one_kalshi(kalshi_game(ticker="KXNBATOTAL-26JAN09TORBOS-200", event_ticker="KXNBATOTAL-26JAN09TORBOS"))
        alone = one_gamma({**gamma_game(conditionId="0xc7"), "id": "7"})
        with store.step():
            assert store.book.event_key(total, polymarket, "another name") == "nba:game"
            # Two names that turn out to be one: also of the pair that was kept under the other one.
            assert store.book.event_key(one_kalshi(kalshi_game(event_ticker="KXAAA")), alone, "a:first") == "a:first"
            assert store.book.event_key(total, alone, "third") == "a:first"

        assert store.find(NAME).pair.event_id == "a:first"


# -- a file of pairs ------------------------------------------------------------------------------------------------

MINE = """\
[[pairs]]
pair_id = "mine"
description = "Ünïcode, \\"quoted\\""
kalshi_market_ticker = "KXNBAGAME-26JAN09TORBOS-BOS"
poly_yes_token = "222"
poly_no_token = "111"
kalshi_tick = "0.01"
fees = { kalshi_rate = "0.07", polymarket_rate = "0" }
"""
ALONE = """\
[[pairs]]
pair_id = "alone"
kalshi_market_ticker = "KXALONE"
fees = { kalshi_rate = "0.035", polymarket_rate = "0.07" }
"""
FILE = f"{MINE}\n{ALONE}"


def imported(store: PairStore, text: str = FILE) -> list[Pair]:
    pairs = parse_pairs(text, "test")
    store.take_file(pairs, who="ann", t_us=T0, note="from test")
    return pairs


def test_a_file_goes_in_and_comes_out_the_same(tmp_path: Path) -> None:
    with stored(tmp_path) as store:
        imported(store)

        assert format_pairs(store.approved().pairs) == FILE
        assert store.take_file(parse_pairs(FILE, "test"), who="ann", t_us=T0, note="") == []


def test_a_pair_of_a_file_is_latched_as_any_other(tmp_path: Path) -> None:
    with stored(tmp_path) as store:
        imported(store)
        (latched,) = read_kalshi(store, rules_primary="Other rules.")

        assert (latched.pair_id, latched.note) == ("mine", "kalshi rules")


def test_terms_that_were_not_known_are_pinned_when_they_are_first_read(tmp_path: Path) -> None:
    with PairStore(tmp_path / "pairs.db") as store:
        imported(store)
        assert store.find("mine").digests == (None, None)

        assert read_kalshi(store) == read_polymarket(store) == []
        assert [each.what for each in store.decisions("mine")] == [What.APPROVE, What.PIN, What.PIN]
        assert None not in store.find("mine").digests
        assert [each.note for each in read_polymarket(store, description="Other rules.")] == ["polymarket rules"]


def test_a_file_is_taken_whole_or_not_at_all(tmp_path: Path) -> None:
    with stored(tmp_path) as store:
        found(store)

        with pytest.raises(PairStoreError, match=f"mine: the same markets are pair {NAME!r} here"):
            imported(store, f"{ALONE}\n{MINE}")
        assert [entry.pair.pair_id for entry in store.entries()] == [NAME]


def test_a_store_of_a_newer_arb_is_refused(tmp_path: Path) -> None:
    PairStore(tmp_path / "pairs.db").close()
    with sqlite3.connect(tmp_path / "pairs.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(PairStoreError, match="was written by a newer arb"):
        PairStore(tmp_path / "pairs.db")
