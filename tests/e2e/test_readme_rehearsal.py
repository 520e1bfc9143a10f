"""The rehearsal of the README, by copy and paste: its files, its commands; only the ports are others."""

from __future__ import annotations

import json
import re
import shlex
from decimal import Decimal
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.cli.exchange_process import exchange
from tests.e2e.processes import PATIENCE_S, Stage, free_port
from tests.ground.project import ROOT

SECTION = (ROOT / "README.md").read_text().split("## Rehearse it live\n")[1].split("\n## ")[0]
FILES = dict(re.findall(r'\$ cat > "\$ARB_HOME/([a-z.]+)" <<\'END\'\n(.*?)END\n', SECTION, re.DOTALL))


def commands() -> list[list[str]]:
    """The words of each `arb ...`, in the order of the page."""
    return [shlex.split(line, comments=True) for line in re.findall(r"^\$ arb (.*)$", SECTION, re.MULTILINE)]


def call(url: str, body: object = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data=data), timeout=PATIENCE_S) as reply:  # noqa: S310 -- our own, on this machine
        document: dict[str, Any] = json.load(reply)
        return document


def test_it_works_as_it_is_written(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    ports = {"9003": str(free_port()), "9004": str(free_port())}
    for name, text in FILES.items():
        (stage.home / name).write_text(re.sub("9003|9004", lambda found: ports[found[0]], text))
    serve_kalshi, serve_polymarket, control, kalshi, polymarket, *looks = commands()
    assert [words[:2] for words in (serve_kalshi, serve_polymarket, control, kalshi, polymarket)] == [
        ["exchange", "kalshi"], ["exchange", "polymarket"], ["run", "controller"], ["run", "trader"], ["run", "trader"]
    ]  # fmt: skip
    monkeypatch.setenv("ARB_HOME", str(stage.home))
    with (
        exchange("kalshi", *(ports.get(word, word) for word in serve_kalshi[2:])) as ready,
        exchange("polymarket", *(ports.get(word, word) for word in serve_polymarket[2:])) as poly,
    ):
        controller = stage.controller(*control[2:])
        traders = [stage.trader(*kalshi[2:]), stage.trader(*polymarket[2:])]
        controller.wait_for_trades(2)
        for words in looks:
            done = stage.arb(*words)
            # Two accounts that are compared in the middle of a trade may be a moment apart.
            assert done.code == 0 or words[:2] == ["ledger", "drift"], f"{words}: {done.err}{done.out}"
        for admin, fault in zip((ready, poly), re.findall(r"arb-admin/faults -d '(.*)'", SECTION), strict=True):
            assert "drop_after" in call(f"{admin['admin']}/faults", json.loads(fault))["names"]
        controller.wait_for_trades(1)
        assert "LIVE" in controller.log() or any("LIVE" in line for line in controller.lines)
        assert stage.arb("halt").code == 0
        controller.wait_until(lambda _: settled(stage), "nothing is open")
        assert controller.stop() == 0
        assert [trader.stop() for trader in traders] == [0, 0]
        _books_of_kalshi(stage, call(f"{ready['admin']}/state")["accounts"]["rehearsal"])
        _books_of_polymarket(stage, call(f"{poly['admin']}/state"), poly["wallet"])


def _books_of_kalshi(stage: Stage, account: dict[str, Any]) -> None:
    legs = [leg for leg in rows(stage, "legs") if leg["platform"] == "kalshi" and leg["filled"]]
    fees = sum(Decimal(fill["fee_cost"]) for fill in account["fills"])
    assert sum(Decimal(str(leg["fees_usd"])) for leg in legs) == fees > 0
    filled = {order["client_order_id"] for order in account["orders"] if Decimal(order["fill_count_fp"])}
    assert {leg["leg_id"] for leg in legs} == filled
    assert not any(leg["paper"] for leg in legs)


def _books_of_polymarket(stage: Stage, state: dict[str, Any], wallet: str) -> None:
    legs = [leg for leg in rows(stage, "legs") if leg["platform"] == "polymarket"]
    assert sum(1 for leg in legs if leg["filled"]) > 0
    spent = sum(Decimal(str(leg["fees_usd"])) + _signed(leg, "cost_usd") for leg in legs)
    account = state["accounts"][wallet]
    assert Decimal(account["cash_settled"]) == Decimal(10_000) - spent
    held = sum(Decimal(shares) for shares in account["shares_settled"].values())
    # Of what dollars bought, the ledger counts whole hundredths.
    assert 0 <= held - sum(_signed(leg, "filled") for leg in legs) < Decimal("0.01") * (len(legs) + 1)
    assert state["posted_twice"] == 0


def _signed(leg: dict[str, Any], what: str) -> Decimal:
    amount = Decimal(str(leg[what] or 0))
    return amount if leg["action"] == "buy" else -amount


def rows(stage: Stage, what: str) -> list[dict[str, Any]]:
    done = stage.arb("ledger", what, "--json")
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def settled(stage: Stage) -> bool:
    return all(leg["final"] for leg in rows(stage, "legs"))
