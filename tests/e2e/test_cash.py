"""What a venue has in cash is asked of the traders, and no trade is larger than it."""

from __future__ import annotations

from decimal import Decimal

from tests.e2e.captures import arbs, write_capture, write_pairs
from tests.e2e.processes import Stage


def market(stage: Stage, count: int) -> tuple[str, ...]:
    """Arbs of 10 contracts, one a second, of pairs of their own: YES at 40c on Polymarket, NO at 50c on Kalshi."""
    capture = write_capture(stage.home / "steady.jsonl", arbs(count, count))
    listed = write_pairs(stage.home / "pairs.toml", range(count))
    return ("--feed", f"replay:{capture}", "--pairs", str(listed), "--speed", "4")


def test_a_trader_with_five_dollars_is_asked_and_the_controller_trades_no_more_than_that(stage: Stage) -> None:
    controller = stage.controller(*market(stage, 120), ARB_RISK_CASH_EVERY_S="1")
    trader = stage.trader("--url", controller.url, ARB_PAPER_CASH_USD="5")
    status = controller.wait_until(
        lambda said: said.get("risk", {}).get("refused", {}).get("the cash at the venue"), "the cash is used up"
    )
    assert status["risk"]["capped"]["the cash at the venue"] >= 1
    (first, *_) = status["recent_trades"]
    # 9.5 NO at 50c are $4.75 and $0.17 of fees; ten would be $5.00 and fees.
    assert [Decimal(str(leg["asked"])) for leg in first["legs"]] == [Decimal("9.5"), Decimal("9.5")]
    assert status["trades"]["hedged"] >= 1
    spent = {"kalshi": Decimal(0), "polymarket": Decimal(0)}
    for trade in status["recent_trades"]:
        for leg in trade["legs"]:
            assert leg["status"] == "filled", "the venue had to refuse nothing"
            spent[leg["platform"]] += Decimal(str(leg["cost_usd"])) + Decimal(str(leg["fees_usd"]))
    assert all(amount <= 5 for amount in spent.values()), spent
    stated = controller.wait_until(
        lambda said: (
            {account["platform"]: Decimal(str(account["stated_usd"])) for account in said["risk"]["cash"]["accounts"]}
            == {platform: 5 - amount for platform, amount in spent.items()}
        ),
        "the accounts say what is left of them",
    )["risk"]["cash"]
    assert stated["silent"] == {}
    assert {(account["money"], account["failed"]) for account in stated["accounts"]} == {("paper", None)}
    shown = stage.arb("status", "--role", "controller").out
    assert "cash at kalshi (paper): $" in shown
    assert trader.stop() == 0
