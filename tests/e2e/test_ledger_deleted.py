"""A controller whose ledger is gone trades nothing until the operator says that a new beginning is meant."""

from __future__ import annotations

from tests.e2e.captures import steady_market
from tests.e2e.processes import Stage


def test_ledger_deleted(stage: Stage) -> None:
    words = steady_market(stage.home)
    controller = stage.controller(*words)
    trader = stage.trader("--url", controller.url)
    controller.wait_for_trades(1)
    assert (controller.stop(), trader.stop()) == (0, 0)
    gone = [path for path in stage.home.glob("ledger*") if path.name != "ledger_id"]
    assert gone
    for path in gone:
        path.unlink()
    refused = stage.controller(*words)
    assert refused.ended() not in {0, -9}
    refused.wait_for_line("arb ledger accept-new")
    assert not [line for line in refused.lines if "Traceback" in line]
    assert [path for path in stage.home.glob("ledger*") if path.name != "ledger_id"] == []
    assert stage.arb("ledger", "accept-new", "--yes").code == 0
    again = stage.controller(*words)
    stage.trader("--url", again.url)
    again.wait_for_trades(1)
    assert again.stop() == 0
