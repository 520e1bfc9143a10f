"""`--venue live`: what must be there, what is said where it is not, and a trader that really starts on it."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from pathlib import Path

import pytest

from cli.error import CliError
from cli.exit_codes import CONFIGURATION
from cli.live_venues import NO_LIVE, kalshi_access, live_venues
from config.error import ConfigError
from config.load import load_settings
from config.settings import Settings
from protocol.terms import KALSHI
from tests.ground.project import ROOT
from tests.transport.kalshi.server import Reply, Server, serving
from tests.transport.kalshi.test_port import Kalshi
from tests.venues.kalshi.material import KEY_ID, ed25519, pem
from tests.venues.kalshi.test_replies import error
from venues.kalshi.hosts import DEMO, LIVE
from venues.kalshi.signing import KEY_HEADER, SIGNATURE_HEADER


def configured(home: Path, *, mode: int = 0o600, **more: str) -> Settings:
    """Settings of a home that has a key."""
    home.mkdir(mode=0o700, exist_ok=True)
    (home / "kalshi.pem").write_bytes(pem(ed25519()))
    (home / "kalshi.pem").chmod(mode)
    lines = [f'{name} = "{value}"' for name, value in ({"key_id": KEY_ID, "key_file": "kalshi.pem"} | more).items()]
    text = "\n".join(['venue = "live"', 'platforms = ["kalshi"]', "[kalshi]", *lines])
    (home / "config.toml").write_text(text)
    return load_settings({}, {"ARB_HOME": str(home)})


def test_paper_needs_none_of_it() -> None:
    assert live_venues(load_settings({}, {}), [KALSHI]) is NO_LIVE


def test_without_a_key_it_says_what_to_do(arb_home: Path) -> None:
    settings = load_settings({"venue": "live"}, {"ARB_HOME": str(arb_home)})
    with pytest.raises(CliError, match=r"kalshi\.key_id and kalshi\.key_file are missing") as caught:
        live_venues(settings, [KALSHI])
    assert caught.value.exit_code == CONFIGURATION


def test_a_venue_without_a_key_is_named(arb_home: Path) -> None:
    with pytest.raises(CliError, match=r"polymarket\.key_file is missing"):
        live_venues(configured(arb_home), [KALSHI, "polymarket"])


def test_a_key_that_others_can_read_is_refused_with_the_fix(arb_home: Path) -> None:
    with pytest.raises(CliError, match=r"kalshi\.key_file: .*run: chmod 600"):
        live_venues(configured(arb_home, mode=0o644), [KALSHI])


@pytest.mark.parametrize(("environment", "hosts"), [("live", LIVE), ("demo", DEMO)])
def test_the_environment_names_the_hosts(arb_home: Path, environment: str, hosts: object) -> None:
    assert kalshi_access(configured(arb_home, environment=environment)).hosts == hosts


def test_hosts_of_one_s_own(arb_home: Path) -> None:
    found = kalshi_access(configured(arb_home, rest_url="http://127.0.0.1:8080", socket_url="ws://127.0.0.1:8080/"))
    assert (found.hosts.rest, found.hosts.socket) == ("http://127.0.0.1:8080", "ws://127.0.0.1:8080")
    assert KEY_ID not in repr(found)


def test_a_passphrase_from_the_environment(arb_home: Path) -> None:
    settings = configured(arb_home)
    (arb_home / "kalshi.pem").write_bytes(pem(ed25519(), passphrase=b"open-sesame"))
    env = {"ARB_HOME": str(arb_home), "ARB_KALSHI_PASSPHRASE": "open-sesame"}
    assert kalshi_access(load_settings({}, env)).credentials.key.kind == "ed25519"
    with pytest.raises(CliError, match="encrypted: name a file with its passphrase"):
        kalshi_access(settings)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("rest_url", "http://kalshi.example", "must be https://: http:// only leads to this machine"),
        ("rest_url", "https://user:word@kalshi.example", "must be https://HOST"),
        ("rest_url", "https://kalshi.example/trade-api/v2", "must be https://HOST"),
        ("socket_url", "https://kalshi.example", "must be wss://HOST"),
        ("environment", "prod", "must be live or demo"),
    ],
)
def test_hosts_that_would_show_what_is_signed_are_refused(arb_home: Path, name: str, value: str, why: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(why)) as caught:
        configured(arb_home, mode=0o600, **{name: value})
    assert "word" not in str(caught.value)


def test_half_a_key_is_refused(arb_home: Path) -> None:
    with pytest.raises(ConfigError, match=r"needs kalshi\.key_file beside it"):
        load_settings({}, {"ARB_HOME": str(arb_home), "ARB_KALSHI_KEY_ID": "x"})


async def trader(server: Server, home: Path, until: str) -> tuple[int | None, str]:
    """Run a trader process on this server until a line of its log holds the words, or it ends; all it has said."""
    configured(home, rest_url=server.hosts.rest, socket_url=server.hosts.socket)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli.main", "run", "trader", "--live", "--url", "ws://127.0.0.1:9",
        "--log-level", "debug",
        cwd=ROOT, stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
        env={"ARB_HOME": str(home), "PYTHONPATH": str(ROOT), "PATH": ""},
    )  # fmt: skip
    assert process.stderr is not None
    said = ""
    async with asyncio.timeout(30):
        async for line in process.stderr:
            said += line.decode()
            if until in said:
                process.send_signal(signal.SIGTERM)
                until = "\0"
        return await process.wait(), said


def _secret(header: str) -> bool:
    return header.upper() in {KEY_HEADER, SIGNATURE_HEADER}


def test_a_trader_starts_on_kalshi_and_ends_in_order(arb_home: Path) -> None:
    async def main() -> None:
        async with serving(Kalshi()) as server:
            code, said = await trader(server, arb_home, "controller at")
            assert code == 0, said
            assert "executes kalshi on venue live" in said
            asked = {request.path.rpartition("/")[2] for request in server.requests}
            assert {"limits", "positions"} <= asked
            assert server.posts == []
            secrets = {
                request.headers[name] for request in server.requests for name in request.headers if _secret(name)
            }
            assert len(secrets) > 2
            secrets |= set(pem(ed25519()).decode().splitlines()[1:-1])
            assert [secret for secret in secrets if secret in said] == []

    asyncio.run(main())


def test_a_key_that_kalshi_does_not_take_ends_it_with_the_fix(arb_home: Path) -> None:
    async def main() -> None:
        async with serving(Kalshi(limits=Reply(401, error("authentication_error")))) as server:
            code, said = await trader(server, arb_home, "never said")
            assert code == CONFIGURATION, said
            assert "kalshi does not take this key" in said
            assert "arb doctor kalshi" in said
            assert KEY_ID not in said

    asyncio.run(main())
