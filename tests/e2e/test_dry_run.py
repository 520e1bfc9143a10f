"""Dry is the OR of both ends' wishes, and both ends say so."""

from __future__ import annotations

from tests.e2e.captures import steady_market
from tests.e2e.processes import Stage, Status, stages
from tests.e2e.raw import raw_trader

SAYS = {
    "live": ((), {"ARB_LIVE": "yes"}),
    "live by flag": (("--live",), {}),
    "dry by default": ((), {}),
    "dry by flag": (("--dry-run",), {"ARB_LIVE": "yes"}),
    "DRY_RUN wins over --live": (("--live",), {"DRY_RUN": "yes"}),
    "DRY_RUN=no is no wish to trade live": ((), {"DRY_RUN": "no"}),
}
LIVE = {"live", "live by flag"}


def paper_of_hedged(said: Status) -> set[bool | None]:
    """What the legs say that are over; one that was not answered yet says nothing."""
    return {leg["paper"] for trade in said["recent_trades"] if trade["state"] == "hedged" for leg in trade["legs"]}


def test_a_controller_that_trades_live_is_dry_with_each_trader_that_is_not(stage: Stage) -> None:
    controller = stage.controller("--live")
    url = controller.url
    traders = {how: stage.trader("--url", url, *words, **env) for how, (words, env) in SAYS.items()}
    for how, trader in traders.items():
        trader.wait_for_line("ready for", "(live, level 2)" if how in LIVE else "(dry run, wanted by this trader")
        said = trader.wait_until(lambda said: said["traders"][0]["agreed"], "it is ready")
        assert said["traders"][0]["dry_run"] is (how not in LIVE), how
    links = controller.wait_until(lambda said: len(said["connections"]) == len(SAYS), "all are there")["connections"]
    assert sorted(link["dry_run"] for link in links) == [False] * len(LIVE) + [True] * (len(SAYS) - len(LIVE))
    controller.wait_for_line("LIVE", "flag --live")


def test_the_init_of_a_controller_says_whether_it_is_dry() -> None:
    with stages(*({} for _ in SAYS)) as homes:
        controllers = {
            how: stage.controller(*SAYS[how][0], **SAYS[how][1]) for how, stage in zip(SAYS, homes, strict=True)
        }
        for how, controller in controllers.items():
            with raw_trader(controller.url) as trader:
                assert trader.hello("kalshi")["dry_run"] is (how not in LIVE), how
            assert controller.status()["dry_run"] is (how not in LIVE), how


def test_a_live_trader_is_dry_with_a_dry_controller_and_says_who_made_it_so(stage: Stage) -> None:
    controller = stage.controller(*steady_market(stage.home))
    trader = stage.trader("--live", "--url", controller.url)
    trader.wait_for_line("ready for", "(dry run, wanted by the controller")
    assert trader.status()["traders"][0]["dry_run"] is True
    said = controller.wait_for_trades(1)
    assert paper_of_hedged(said) == {True}


def test_live_on_both_ends_still_fills_on_paper_where_the_venue_is_paper(stage: Stage) -> None:
    controller = stage.controller("--live", *steady_market(stage.home))
    trader = stage.trader("--live", "--url", controller.url)
    said = controller.wait_for_trades(1)
    assert said["dry_run"] is False
    assert paper_of_hedged(said) == {True}
    assert trader.status()["venue"] == "paper"
