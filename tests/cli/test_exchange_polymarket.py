"""`arb exchange polymarket` as a process: what it says, whom it lets in, how it ends."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from cli.error import CliError
from cli.exchange_commands import polymarket
from cli.exchange_wallet import address_in, throwaway_wallet
from cli.exit_codes import CONFIGURATION, USAGE
from tests.cli.exchange_process import exchange
from tests.cli.process import PATIENCE_S
from venues.polymarket.exchange.listing import DEMO

ADDRESS = "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A"


def get(url: str) -> Any:  # noqa: ANN401 -- any document
    with urlopen(url, timeout=PATIENCE_S) as reply:  # noqa: S310 -- our own, on this machine
        return json.load(reply)


def test_it_says_where_it_is_and_with_which_wallet(arb_home: Path) -> None:
    words = ("--quote-ms", "1", "--wallet", "safe", "--fund", "12.5", "--fault", "delay=3", "--mined-ms", "7")
    with exchange("polymarket", *words) as ready:
        assert [market["slug"] for market in ready["markets"]] == [listing.slug for listing in DEMO]
        url = f"{ready['clob']}/book?token_id={ready['markets'][0]['tokens'][0]}"
        first = get(url)
        assert any(get(url) != first for _ in range(2_000))
        assert get(f"{ready['gamma']}/markets/slug/{DEMO[0].slug}")["conditionId"] == ready["markets"][0]["condition"]
        account = get(f"{ready['admin']}/state")["accounts"][ready["wallet"]]
        assert (account["cash"], account["kind"]) == ("12.5", "safe")
        assert get(f"{ready['admin']}/faults")["struck"] == {"delay": 3}
        key = Path(ready["private_key_file"])
        assert (key.parent, stat.S_IMODE(key.stat().st_mode)) == (arb_home, 0o600)
        assert address_in(key) == ready["signer"] != ready["wallet"]


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        ({"wallet": "vault"}, USAGE, "--wallet is one of"),
        ({"speed": "-1"}, USAGE, "--speed must not"),
        ({"fund": "much", "address": ADDRESS}, CONFIGURATION, "--fund"),
        ({"address": "0x12"}, CONFIGURATION, "--address"),
        ({"markets": Path("nowhere.json"), "address": ADDRESS}, CONFIGURATION, "nowhere.json"),
        ({"tape": Path("nowhere.jsonl"), "address": ADDRESS}, CONFIGURATION, "nowhere.jsonl"),
        ({"fault": ["flood"], "address": ADDRESS}, CONFIGURATION, "no fault is called 'flood'"),
        ({"fault": ["delay=x"], "address": ADDRESS}, CONFIGURATION, "--fault delay=x"),
    ],
)
def test_a_flag_that_makes_no_sense_is_named(flags: dict[str, Any], code: int, said: str) -> None:
    with pytest.raises(CliError) as refused:
        polymarket(port=0, **flags)
    assert refused.value.exit_code == code
    assert said in refused.value.text


def test_a_file_that_lists_no_markets_is_named(tmp_path: Path) -> None:
    file = tmp_path / "markets.json"
    file.write_text('{"markets":[{"slug":"a"},{"slug":"a"}]}')
    with pytest.raises(CliError, match="listed twice"):
        polymarket(port=0, markets=file, address=ADDRESS)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = throwaway_wallet(tmp_path / "key.hex")
    assert address_in(throwaway_wallet(file)) == address_in(file)
    file.chmod(0o640)
    with pytest.raises(CliError, match="chmod 600"):
        address_in(file)
    file.chmod(0o600)
    file.write_text("no key")
    with pytest.raises(CliError, match="no private key"):
        address_in(file)
