"""`arb exchange kalshi` as a process: what it says, whom it lets in, how it ends."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from cli.error import CliError
from cli.exchange_commands import kalshi
from cli.exchange_key import public_half, throwaway_key
from cli.exit_codes import CONFIGURATION, USAGE
from tests.cli.exchange_process import exchange
from tests.cli.process import PATIENCE_S, arb
from venues.kalshi.exchange.listing import DEMO


def get(url: str) -> dict[str, Any]:
    with urlopen(Request(url), timeout=PATIENCE_S) as reply:  # noqa: S310 -- our own, on this machine
        document: dict[str, Any] = json.load(reply)
        return document


def test_it_says_where_it_is_and_with_which_key(arb_home: Path) -> None:
    with exchange("kalshi", "--quote-ms", "0", "--lag-ms", "1000") as ready:
        assert ready["event"] == "ready"
        assert get(f"{ready['rest']}/exchange/status")["trading_active"] is True
        markets = get(f"{ready['rest']}/markets")["markets"]
        assert [market["ticker"] for market in markets] == ready["markets"] == [listing.ticker for listing in DEMO]
        accounts = get(f"{ready['admin']}/state")["accounts"]
        assert accounts["rehearsal"]["cash"]["3"] == "10000.000000"
        key = Path(ready["private_key_file"])
        assert key.parent == arb_home
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_the_makers_move_the_markets() -> None:
    with exchange("kalshi", "--quote-ms", "1", "--seed", "4") as ready:
        url = f"{ready['rest']}/markets/{DEMO[0].ticker}/orderbook"
        first = get(url)
        assert any(get(url) != first for _ in range(2_000))


def test_markets_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "markets.json"
    file.write_text(json.dumps({"markets": [{"ticker": "KXA-1-T", "asks": [["0.5", "3"]], "unknown": 1}]}))
    with exchange("kalshi", "--markets", str(file), "--tier", "prime") as ready:
        assert ready["markets"] == ["KXA-1-T"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a list of markets"),
        ('{"markets":[]}', "0 markets"),
        ('{"markets":[{"ticker":"A"},{"ticker":"A"}]}', "A: listed twice"),
        ('{"markets":[{"ticker":"A","price_level_structure":"odd"}]}', "price_level_structure 'odd' needs"),
        ('{"markets":[{"ticker":"A","bids":[["0.5","-1"]]}]}', "above 0"),
        ('{"markets":[{"ticker":"A","price_ranges":[{"start":"0","end":"1","step":"0"}]}]}', "in steps of 0"),
    ],
)
def test_a_file_that_lists_no_markets_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "markets.json"
    file.write_text(text)
    with pytest.raises(CliError) as refused:
        kalshi(port=0, markets=file)
    assert refused.value.exit_code == CONFIGURATION
    assert str(file) in refused.value.text
    assert said in refused.value.text


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        ({"tier": "gold"}, USAGE, "--tier is one of"),
        ({"speed": "fast"}, USAGE, "--speed is a number"),
        ({"speed": "-1"}, USAGE, "--speed must not"),
        ({"fund": "much"}, CONFIGURATION, "--fund"),
        ({"public_key": Path("nowhere.pem")}, CONFIGURATION, "nowhere.pem"),
        ({"markets": Path("nowhere.json")}, CONFIGURATION, "nowhere.json"),
    ],
)
def test_a_flag_that_makes_no_sense_is_named(flags: dict[str, Any], code: int, said: str) -> None:
    with pytest.raises(CliError) as refused:
        kalshi(port=0, **flags)
    assert refused.value.exit_code == code
    assert said in refused.value.text


def test_a_recording_that_is_not_there_is_named() -> None:
    done = arb("exchange", "kalshi", "--port", "0", "--replay", "nowhere.jsonl")
    assert (done.code, "nowhere.jsonl" in done.err) == (4, True)


def test_a_key_of_ones_own_is_taken_and_a_private_one_is_not(tmp_path: Path) -> None:
    private = throwaway_key(tmp_path / "key.pem")
    public = tmp_path / "public.pem"
    public.write_bytes(public_half(private))
    with exchange("kalshi", "--key-id", "mine", "--public-key", str(public)) as ready:
        assert (ready["key_id"], ready["private_key_file"]) == ("mine", None)
    with pytest.raises(CliError, match="this is a private key"):
        kalshi(port=0, public_key=private)


def test_a_key_that_others_can_read_is_refused(arb_home: Path) -> None:
    arb_home.mkdir(parents=True)
    throwaway_key(arb_home / "kalshi-test-key.pem").chmod(0o644)
    with pytest.raises(CliError, match="can be read by others"):
        kalshi(port=0)
