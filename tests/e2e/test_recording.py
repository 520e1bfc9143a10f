"""The real recording, traded by real processes over a real WebSocket: what is locked in is what a naive sum says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from tests.e2e.naive import NaiveRun, Totals
from tests.e2e.processes import Controller, Stage, stages
from tests.shared_data import shared_data

RECORDING = "nba-mvp-shai.jsonl.gz"
SPEED = "4000"
"""The first arb comes 0.5 s after the start: a trader that waits for the beacon is there in a tenth of that."""

SUMS = ("contracts", "cost_usd", "fees_usd", "edge_locked_usd")


@dataclass(frozen=True, slots=True)
class Played:
    """The recording played to its end by one set of processes: the controller's last status, and the traders'."""

    controller: dict[str, Any]
    traders: tuple[dict[str, Any], ...]
    text: str
    codes: tuple[int, ...]

    @property
    def sums(self) -> tuple[Fraction, ...]:
        return tuple(Fraction(self.controller["totals"][name]) for name in SUMS)


def played(stage: Stage, controller: Controller, *, by_command: bool) -> Played:
    """Wait for the recording's end, ask what came of it (by `arb status`, or its socket), and end the processes."""
    controller.wait_until(lambda said: all(feed["state"] == "ended" for feed in said["feeds"]), "the recording ends")
    said = controller.wait_until(lambda said: said["trades"]["open"] == 0, "every trade is over")
    traders = tuple(process.status() for process in stage.processes if process is not controller)
    text = ""
    if by_command:
        document = json.loads(stage.arb("status", "--json").out, parse_float=Decimal)
        said, traders, text = document["controller"], tuple(document["traders"]), stage.arb("status").out
    codes = tuple(process.stop() for process in reversed(stage.processes))
    return Played(said, traders, text, codes)


@pytest.fixture(scope="module")
def runs() -> Iterator[dict[str, Played]]:
    """Four ways to execute, side by side."""
    pairs, recording = shared_data("pairs.toml"), shared_data(RECORDING)
    market = ("--feed", f"replay:{recording}", "--pairs", str(pairs), "--speed")
    with stages({}, {"CONTROLLER_PLATFORMS": "kalshi"}, {}, {}) as (remote, hybrid, local, nobody):
        for stage, platforms in ((remote, "kalshi,polymarket"), (hybrid, "polymarket")):
            stage.trader("--platform", platforms).wait_for_line("waiting for a beacon")
        controllers = {
            "remote": (remote, remote.controller(*market, SPEED)),
            "hybrid": (hybrid, hybrid.controller(*market, SPEED)),
            "local": (local, local.controller(*market, "0", "--local", "kalshi,polymarket")),
            "nobody": (nobody, nobody.controller(*market, "0")),
        }
        yield {
            name: played(stage, controller, by_command=name == "remote")
            for name, (stage, controller) in controllers.items()
        }


@pytest.fixture(scope="module")
def naive() -> Totals:
    return NaiveRun(shared_data("pairs.toml")).play(shared_data(RECORDING))


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The last line of `arb replay --trade --json`."""
    home = tmp_path_factory.mktemp("replay")
    words = (str(shared_data(RECORDING)), "--pairs", str(shared_data("pairs.toml")), "--trade", "--json")
    done = Stage(home).arb("replay", *words)
    assert (done.code, done.err) == (0, "")
    line: dict[str, Any] = json.loads(done.out.splitlines()[-1], parse_float=Decimal)
    return line


def test_the_naive_sum_finds_the_recordings_real_arbs(naive: Totals) -> None:
    assert naive.trades > 200
    assert naive.edge > 1000


def test_the_replay_agrees_with_the_naive_sum_to_the_micro_dollar(replayed: dict[str, Any], naive: Totals) -> None:
    assert replayed["event"] == "traded"
    assert replayed["hedged"] == naive.trades
    assert tuple(Fraction(replayed[name]) for name in SUMS) == (naive.contracts, naive.cost, naive.fees, naive.edge)


@pytest.mark.parametrize("way", ["remote", "hybrid", "local"])
def test_what_is_traded_agrees_with_the_naive_sum_to_the_micro_dollar(
    runs: dict[str, Played], naive: Totals, way: str
) -> None:
    run = runs[way]
    assert run.sums == (naive.contracts, naive.cost, naive.fees, naive.edge)
    counts = run.controller["trades"]
    assert {state: number for state, number in counts.items() if number} == {"hedged": naive.trades}
    assert run.controller["counters"]["legs_sent"] == 2 * naive.trades


@pytest.mark.parametrize(
    ("way", "kalshi", "polymarket"),
    [("remote", "remote", "remote"), ("hybrid", "local", "remote"), ("local", "local", "local")],
)
def test_every_leg_shows_its_fill_and_the_path_it_took(
    runs: dict[str, Played], way: str, kalshi: str, polymarket: str
) -> None:
    trades = runs[way].controller["recent_trades"]
    assert len(trades) == 200
    for trade in trades:
        assert trade["state"] == "hedged"
        legs = {leg["platform"]: leg for leg in trade["legs"]}
        assert legs["kalshi"]["path"].startswith(kalshi)
        assert legs["polymarket"]["path"].startswith(polymarket)
        assert {leg["side"] for leg in legs.values()} == {"yes", "no"}
        for leg in legs.values():
            assert leg["filled"] == leg["asked"] == trade["contracts"]
            assert (leg["status"], leg["paper"]) == ("filled", True)
            assert Decimal(leg["price"]) <= leg["limit"]
            assert leg["order_id"] == f"paper-{leg['leg_id']}"
        assert legs["kalshi"]["fees_usd"] > 0
        assert legs["polymarket"]["fees_usd"] == 0
        assert trade["edge_usd"] == trade["contracts"] - trade["cost_usd"] - trade["fees_usd"] > 0


def test_positions_hold_both_outcomes_in_equal_number(runs: dict[str, Played], naive: Totals) -> None:
    for way in ("remote", "hybrid", "local"):
        held = runs[way].controller["positions"]
        assert {(each["platform"], each["contracts"]) for each in held} >= {("kalshi", Decimal("84950.42"))}
        for outcome in ("yes", "no"):
            assert sum(Fraction(each["contracts"]) for each in held if each["side"] == outcome) == naive.contracts
        assert sum(Fraction(each["cost_usd"]) for each in held) == naive.cost
        assert sum(Fraction(each["fees_usd"]) for each in held) == naive.fees


def test_traders_answered_every_leg_that_was_sent_to_them(runs: dict[str, Played], naive: Totals) -> None:
    for way, legs in (("remote", 2 * naive.trades), ("hybrid", naive.trades)):
        (trader,) = runs[way].traders
        assert trader["counters"]["legs_received"] == trader["counters"]["legs_answered"] == legs
    assert runs["local"].traders == runs["nobody"].traders == ()


def test_with_no_path_every_arb_is_aborted_with_the_reason_and_nothing_is_sent(runs: dict[str, Played]) -> None:
    said = runs["nobody"].controller
    assert said["counters"].get("legs_sent", 0) == said["counters"].get("trades_sent", 0) == 0
    assert said["recent_trades"] == said["positions"] == []
    ((reason, times),) = said["aborted"].items()
    assert "no execution path for kalshi, polymarket" in reason
    assert said["trades"]["aborted"] == times > 0
    assert said["opportunities"]["opened"] == 5


def test_the_status_for_people_has_the_same_sums(runs: dict[str, Played], naive: Totals) -> None:
    text = runs["remote"].text
    assert f"{naive.trades} hedged" in text
    for amount in ("84,950.42 contracts", "cost $82,276.4145", "fees $1,083.7506", "edge locked in $1,590.2549"):
        assert amount in text


def test_every_process_ended_in_order(runs: dict[str, Played]) -> None:
    assert {name: run.codes for name, run in runs.items()} == {
        "remote": (0, 0),
        "hybrid": (0, 0),
        "local": (0,),
        "nobody": (0,),
    }
