"""From settings to market data: who brings which books."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.error import CliError
from cli.feeds import feed_maker, relay_rules, relayed_markets, trader_feed
from cli.live_venues import polymarket_hosts
from config.error import ConfigError
from config.feeds import NONE
from config.home import ArbHome
from config.load import load_settings
from config.settings import Settings
from protocol.terms import KALSHI, POLYMARKET
from tests.cli.process import arb
from tests.market.builders import NO, TICKER, YES, pair
from tests.venues.kalshi.material import KEY_ID, ed25519, pem
from transport.feeds.none import NoFeed
from transport.feeds.replay import ReplayFeed
from transport.feeds.several import SeveralFeeds
from transport.feeds.simulated import SimulatedFeed
from transport.gate import Gate
from transport.polymarket.feed import PolymarketFeed

PAIRS = [pair(0), pair(1, poly_no_token=None, kalshi_market_ticker=TICKER)]


def settings(tmp_path: Path, **values: str) -> Settings:
    return load_settings(values, {}, ArbHome(tmp_path))


def test_live_kalshi_is_relayed_unless_said_otherwise(tmp_path: Path) -> None:
    found = settings(tmp_path, feed="live", feeds_polymarket="relay")
    assert (found.feeds_kalshi, found.feeds_relay, found.feeds_max_lag_ms) == ("relay", NONE, 2_000)
    assert relayed_markets(found, PAIRS) == {KALSHI: (TICKER,), POLYMARKET: (YES, NO, f"{YES}-1")}
    assert isinstance(feed_maker(found, PAIRS)(Gate()), NoFeed)
    assert relay_rules(found, 7).max_lag_us == 2_000_000
    assert relay_rules(found, 7).max_silence_us == 7


@pytest.mark.parametrize("feed", ["sim", "replay:x.gz"])
def test_nothing_is_relayed_to_a_controller_with_a_feed_of_its_own(tmp_path: Path, feed: str) -> None:
    assert relayed_markets(settings(tmp_path, feed=feed, feeds_kalshi="relay"), PAIRS) == {}


def test_a_controller_reads_polymarket_itself_without_a_key(tmp_path: Path) -> None:
    feed = feed_maker(settings(tmp_path, feed="live"), PAIRS)(Gate())
    assert isinstance(feed, PolymarketFeed)
    assert feed.platforms == (POLYMARKET,)
    assert relayed_markets(settings(tmp_path, feed="live"), PAIRS) == {KALSHI: (TICKER,)}


def test_a_controller_may_read_both_itself(tmp_path: Path) -> None:
    key = tmp_path / "kalshi.pem"
    key.touch(mode=0o600)
    key.write_bytes(pem(ed25519()))
    values = {"feed": "live", "feeds_kalshi": "direct", "kalshi_key_id": KEY_ID, "kalshi_key_file": str(key)}
    feed = feed_maker(settings(tmp_path, **values), PAIRS)(Gate())
    assert isinstance(feed, SeveralFeeds)
    assert feed.platforms == (KALSHI, POLYMARKET)


def test_a_rehearsal_reads_no_real_polymarket(tmp_path: Path) -> None:
    with pytest.raises(CliError, match=r"rehearsal: polymarket\.url is missing"):
        feed_maker(settings(tmp_path, feed="live", live="yes", rehearsal="yes"), PAIRS)
    found = settings(tmp_path, feed="live", live="yes", rehearsal="yes", polymarket_url="http://127.0.0.1:9004")
    assert polymarket_hosts(found).market_ws == "ws://127.0.0.1:9004/ws/market"
    assert isinstance(feed_maker(found, PAIRS)(Gate()), PolymarketFeed)


@pytest.mark.parametrize("url", ["https://127.0.0.1:1", "http://example.com:80", "http://127.0.0.1", "127.0.0.1:1"])
def test_polymarkets_place_is_a_port_of_this_machine(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match=r"polymarket"):
        settings(tmp_path, polymarket_url=url)


def test_a_platform_that_no_pair_looks_at_needs_nobody(tmp_path: Path) -> None:
    kalshi_only = [pair(poly_yes_token=None, poly_no_token=None)]
    found = settings(tmp_path, feed="live")
    assert isinstance(feed_maker(found, kalshi_only)(Gate()), NoFeed)
    assert relayed_markets(found, kalshi_only) == {KALSHI: (TICKER,)}


def test_who_reads_kalshi_with_a_key_needs_one(tmp_path: Path) -> None:
    kalshi_only = [pair(poly_yes_token=None, poly_no_token=None)]
    with pytest.raises(CliError, match=r"kalshi\.key_id and kalshi\.key_file are missing"):
        feed_maker(settings(tmp_path, feed="live", feeds_kalshi="direct"), kalshi_only)
    with pytest.raises(CliError, match=r"kalshi\.key_id and kalshi\.key_file are missing"):
        trader_feed(settings(tmp_path, feeds_relay="live"), PAIRS)


def test_what_a_trader_relays(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    file.write_text("")
    assert trader_feed(settings(tmp_path), PAIRS) is None
    assert isinstance(trader_feed(settings(tmp_path, feeds_relay="sim"), [pair()]), SimulatedFeed)
    assert isinstance(trader_feed(settings(tmp_path, feeds_relay=f"replay:{file}"), PAIRS), ReplayFeed)
    with pytest.raises(CliError, match=r"feeds\.relay: no\.gz is not a file: give --relay replay:FILE"):
        trader_feed(settings(tmp_path, feeds_relay="replay:no.gz"), PAIRS)


def test_the_table_feeds_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[feeds]\nkalshi = "direct"\nrelay = "replay:r.gz"\nmax_lag_ms = 500\n')
    found = settings(tmp_path)
    assert (found.feeds_kalshi, found.feeds_relay) == ("direct", f"replay:{tmp_path}/r.gz")
    assert found.source("feeds_kalshi") == f"file {tmp_path}/config.toml"


def test_a_wrong_source_names_the_flag() -> None:
    done = arb("run", "trader", "--relay", "nasdaq")
    assert (done.code, done.err) == (2, "arb: --relay nasdaq: must be none, sim, live or replay:FILE\n")
