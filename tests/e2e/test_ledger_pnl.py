"""`arb ledger` after a replayed hour, against the paper venues' own files: the same to the micro-dollar."""

from __future__ import annotations

import csv
import gzip
import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import venue_books
from tests.e2e.captures import YES_ASK, Line, connected, kalshi_book, polymarket_book, write_pairs
from tests.e2e.crash_case import quiet_books
from tests.e2e.processes import Arb, Controller, Stage, Status, stages
from tests.e2e.venue_books import Fill, Held, contracts, usd
from tests.shared_data import shared_data

RECORDING = "nba-mvp-shai.jsonl.gz"
FRAMES = 2_133
SPEED = "4000"
STALLS = 4
"""So many times one of the traders stands still until its leg has expired; the market still has what is missing."""

SALES = 3
PAUSE_US = 50_000_000
QUIET_BOOKS = 45
"""Then the recording goes on with arbs of another pair whose Kalshi side is gone when it is missed: what Polymarket
filled is sold again, at a loss."""

QUICK = {"ARB_LEG_TIMEOUT_MS": "300", "ARB_ORDER_TTL_MS": "300"}

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """What the venues' files say, and what `arb ledger` says of the same."""

    orders: dict[str, Fill]
    held: dict[tuple[str, str, str], Held]
    pnl: Row
    positions: list[Row]
    fills: list[Row]
    rebuild: int


def frames(said: Status) -> int:
    """So many frames were played."""
    return sum(feed["frames"] for feed in said["feeds"])


def over(said: Status) -> bool:
    """The recording has ended, and everything that it led to."""
    ended = all(feed["state"] == "ended" for feed in said["feeds"])
    quiet = said["trades"]["open"] == said["trades"]["naked"] and not said["unknown"]
    return ended and quiet and not said["ledger"]["behind"]


def stall(controller: Controller, trader: Arb) -> None:
    """Let a trade begin whose leg this trader takes up too late."""

    def waits(said: Status) -> bool:
        return bool(said["unknown"]) or all(feed["state"] == "ended" for feed in said["feeds"])

    trader.send(signal.SIGSTOP)
    try:
        controller.wait_until(waits, "a leg waits for the trader that stands still")
    finally:
        trader.send(signal.SIGCONT)
    controller.wait_until(lambda said: not said["unknown"], "its fate is proven")


def as_json(stage: Stage, *words: str) -> list[Row]:
    done = stage.arb("ledger", *words, "--json")
    assert (done.code, done.err) == (0, "")
    return [json.loads(line, parse_float=Decimal) for line in done.out.splitlines()]


def as_csv(stage: Stage, *words: str) -> list[Row]:
    done = stage.arb("ledger", *words, "--csv")
    assert (done.code, done.err) == (0, "")
    return list(csv.DictReader(done.out.splitlines()))


def with_sales(recording: Path, folder: Path) -> Path:
    """The recording, and what comes after it."""
    with gzip.open(recording, "rt") as lines:
        text = lines.read()
    t = int(json.loads(text.splitlines()[-1])["t"]) + PAUSE_US
    more = connected(t)
    for seq in range(1, (SALES + 1) * QUIET_BOOKS):
        t += PAUSE_US
        if seq == 1:
            # Held at another price than what is sold later: a cost by average, and not a round one.
            more += [kalshi_book(t, 0, seq), dearer(polymarket_book(t, 0, 7))]
        elif seq % QUIET_BOOKS == 0:
            more += [kalshi_book(t, 0, seq), polymarket_book(t, 0)]
        else:
            more += quiet_books(t, 0, seq)
    path = folder / "with-sales.jsonl"
    path.write_text(text + "".join(f"{json.dumps(line)}\n" for line in more))
    return path


def dearer(line: Line) -> Line:
    """The same book 3 cents higher."""
    return {**line, "frame": line["frame"].replace(str(YES_ASK), str(YES_ASK + Decimal("0.03")))}


def trade(stage: Stage, pairs: Path) -> None:
    """Trade the recording, with six hours of market time in it, to its end."""
    traders = [stage.trader("--platform", platform, **QUICK) for platform in ("kalshi", "polymarket")]
    for trader in traders:
        trader.wait_for_line("waiting for a beacon")
    feed = f"replay:{with_sales(shared_data(RECORDING), stage.home)}"
    controller = stage.controller("--feed", feed, "--pairs", str(pairs), "--speed", SPEED, **QUICK)
    for number in range(STALLS):
        controller.wait_for_trades(10)
        stall(controller, traders[number % 2])
    controller.wait_until(lambda said: frames(said) > FRAMES, "the recording is over")
    for _ in range(SALES):
        stall(controller, traders[0])
        controller.wait_until(lambda said: not said["trades"]["open"], "what was bought in vain is sold")
    controller.wait_until(over, "everything is over")
    assert [process.stop() for process in (*traders, controller)] == [0, 0, 0]


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    recorded = shared_data("pairs.toml").read_text()
    with stages({}) as (stage,):
        pairs = write_pairs(stage.home / "pairs.toml")
        # With fees on both sides, so that a sell has one, too.
        made_up = pairs.read_text().replace('polymarket_rate = "0"', 'polymarket_rate = "0.05"')
        pairs.write_text(f"{recorded}\n{made_up}")
        trade(stage, pairs)
        orders = venue_books.by_order(venue_books.fills(stage.home, pairs))
        (pnl,) = as_json(stage, "pnl")
        yield Told(
            orders,
            venue_books.positions(orders),
            pnl,
            as_json(stage, "positions"),
            as_csv(stage, "fills"),
            stage.arb("ledger", "rebuild").code,
        )


def test_the_run_had_profits_and_losses_to_add_up(told: Told) -> None:
    assert len(told.orders) > 100
    assert {order.sign for order in told.orders.values()} == {1, -1}
    assert {order.platform for order in told.orders.values()} == {"kalshi", "polymarket"}
    assert sum(order.fee for order in told.orders.values() if order.sign < 0) > 0
    assert any(held.cost % 10_000 for held in told.held.values())
    assert sum(held.realised for held in told.held.values()) < 0


def test_pnl_is_the_sum_over_the_venues_fills_and_fees_to_the_micro_dollar(told: Told) -> None:
    expected = venue_books.profit(told.held)
    assert {row["pair_id"] for row in told.pnl["pairs"]} == set(expected)
    for row in told.pnl["pairs"]:
        sums = expected[row["pair_id"]]
        assert row["paper"] is True
        for name in ("net", "realised", "fees", "locked_in", "at_risk"):
            assert (name, row[f"{name}_usd"]) == (name, usd(getattr(sums, name)))
        assert (row["matched"], row["excess"]) == (contracts(sums.matched), contracts(sums.excess))
    for name in ("net", "realised", "fees", "locked_in", "at_risk"):
        assert (name, told.pnl["paper"][f"{name}_usd"]) == (name, usd(sum(getattr(s, name) for s in expected.values())))
        assert told.pnl["real"][f"{name}_usd"] == 0


def test_positions_are_those_of_the_venues(told: Told) -> None:
    expected = {key: one for key, one in told.held.items() if one.contracts}
    assert {(row["pair_id"], row["platform"], row["side"]) for row in told.positions} == set(expected)
    for row in told.positions:
        held = expected[row["pair_id"], row["platform"], row["side"]]
        assert row["contracts"] == contracts(held.contracts)
        for name in ("cost", "spent", "received", "fees", "realised"):
            assert (name, row[f"{name}_usd"]) == (name, usd(getattr(held, name)))


def test_the_fills_listed_are_the_venues_orders_one_for_one(told: Told) -> None:
    assert len(told.fills) == len(told.orders)
    for row in told.fills:
        order = told.orders[row["leg_id"]]
        assert (row["pair_id"], row["platform"], row["side"]) == (order.pair_id, order.platform, order.side)
        assert row["action"] == {1: "buy", -1: "sell"}[order.sign]
        assert Decimal(row["contracts"]) == contracts(order.quantity)
        assert (Decimal(row["cost_usd"]), Decimal(row["fees_usd"])) == (usd(order.cost), usd(order.fee))


def test_the_ledger_agrees_with_itself(told: Told) -> None:
    assert told.rebuild == 0
