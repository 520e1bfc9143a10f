"""A rehearsal's other side is made up: it never stands beside anything that is for money."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.error import CliError
from cli.exit_codes import CONFIGURATION
from cli.live_venues import kalshi_access, live_venues
from cli.rehearsal import own_home
from config.load import load_settings
from config.settings import Settings
from protocol.terms import KALSHI, POLYMARKET
from tests.cli.test_live_venues import configured
from tests.e2e.kalshi_stage import actor, controller, staged, trader
from transport.rehearsal import OtherSide
from venues.paper.venue import PaperVenue


@pytest.mark.parametrize("rehearsed", [True, False])
def test_an_end_that_rehearses_and_one_that_does_not_never_trade(tmp_path: Path, *, rehearsed: bool) -> None:
    async def play() -> None:
        async with staged(tmp_path) as world:
            folder = tmp_path / "odd"
            folder.mkdir()
            real = controller(folder, world.feed, rehearsal=rehearsed)
            await real.start()
            odd = trader(
                folder, f"ws://127.0.0.1:{real.server.port}", OtherSide(PaperVenue(POLYMARKET)), rehearsal=not rehearsed
            )
            await odd.start()
            try:
                await world.until(lambda: actor(odd, "uplink").init is not None, "the hello")
                await world.until(lambda: actor(real, "router").sessions, "the session")
                (session,) = actor(real, "router").sessions.values()
                seen = real.host.system._systemBase.actorRegistry[session.actorAddressString].instance
                await world.until(lambda: seen.ack is not None, "the answer")
                assert actor(odd, "uplink").agreed == frozenset()
                assert seen.registered == ()
                assert "rehearsal" in seen.ack.error
                assert not actor(real, "executor").remote
            finally:
                await odd.finish()
                await real.finish()

    asyncio.run(play())


@pytest.mark.parametrize("name", ["rest_url", "socket_url"])
def test_a_kalshi_elsewhere_is_refused(arb_home: Path, name: str) -> None:
    here = {"rest_url": "http://127.0.0.1:8080", "socket_url": "ws://127.0.0.1:8080"}
    assert kalshi_access(rehearsing(arb_home, **here)).hosts.rest == here["rest_url"]
    del here[name]
    with pytest.raises(CliError, match="is not on this machine") as caught:
        live_venues(rehearsing(arb_home, **here), [KALSHI, POLYMARKET])
    assert caught.value.exit_code == CONFIGURATION


def rehearsing(home: Path, **hosts: str) -> Settings:
    configured(home, mode=0o600, **hosts)
    return load_settings({"rehearsal": True}, {"ARB_HOME": str(home)})


def test_only_a_rehearsal_has_the_made_up_venue(arb_home: Path) -> None:
    with pytest.raises(CliError, match=r"polymarket\.key_file is missing"):
        live_venues(configured(arb_home), [POLYMARKET])
    found = live_venues(rehearsing(arb_home), [POLYMARKET])
    assert isinstance(found[POLYMARKET], OtherSide)


def test_a_rehearsal_has_a_home_of_its_own_for_ever(tmp_path: Path) -> None:
    def settings(home: str, *, rehearsal: bool) -> Settings:
        return load_settings({"rehearsal": rehearsal}, {"ARB_HOME": str(tmp_path / home)})

    own_home(settings("new", rehearsal=True))
    own_home(settings("new", rehearsal=True))
    with pytest.raises(CliError, match="set `rehearsal`, or ARB_HOME"):
        own_home(settings("new", rehearsal=False))
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "ledger.db").touch()
    own_home(settings("used", rehearsal=False))
    with pytest.raises(CliError, match="may hold real trades"):
        own_home(settings("used", rehearsal=True))


def test_two_processes_of_a_rehearsal_may_start_in_the_same_moment(
    arb_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    glob = Path.glob

    def raced(folder: Path, pattern: str) -> Iterator[Path]:
        (arb_home / "rehearsal").touch()
        (arb_home / "ledger.db").touch()
        return iter(list(glob(folder, pattern)))

    monkeypatch.setattr(Path, "glob", raced)
    own_home(load_settings({"rehearsal": True}, {"ARB_HOME": str(arb_home)}))
