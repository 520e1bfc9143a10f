"""Where files live, who may enter, and ids that stay."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config.error import ConfigError
from config.home import ArbHome


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_arb_home_moves_the_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ArbHome.from_environment({"ARB_HOME": str(tmp_path)}).config_file == tmp_path / "config.toml"
    assert ArbHome.from_environment({"ARB_HOME": "relative"}).path == Path.cwd() / "relative"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert ArbHome.from_environment({}).path == tmp_path / ".arb"
    assert ArbHome.from_environment({"ARB_HOME": "  "}).path == tmp_path / ".arb"
    assert ArbHome.from_environment({"ARB_HOME": "~/x"}).path == tmp_path / "x"


def test_naming_a_place_creates_nothing(tmp_path: Path) -> None:
    home = ArbHome(tmp_path / "arb")
    assert home.sockets() == []
    assert home.socket("controller") == tmp_path / "arb" / "run" / "controller.sock"
    assert not home.path.exists()


def test_directories_are_made_for_this_user_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        run = ArbHome(tmp_path / "a" / "arb").ensure_run_dir()
    finally:
        os.umask(old)
    assert (mode(run), mode(run.parent)) == (0o700, 0o700)


def test_a_run_directory_that_others_can_enter_is_closed(tmp_path: Path) -> None:
    home = ArbHome(tmp_path)
    home.run_dir.mkdir()
    home.run_dir.chmod(0o755)
    assert mode(home.ensure_run_dir()) == 0o700


def test_a_link_in_place_of_the_run_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="is not a directory of this user: remove it, or set ARB_HOME elsewhere"):
        ArbHome(tmp_path).ensure_run_dir()


def test_another_users_run_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 12_345)
    with pytest.raises(ConfigError, match="is not a directory of this user"):
        ArbHome(tmp_path).ensure_run_dir()


def test_a_file_in_place_of_the_home_is_an_error_with_the_fix(tmp_path: Path) -> None:
    (tmp_path / "arb").write_text("")
    with pytest.raises(ConfigError, match=r"^cannot create .*arb \(file exists\): set ARB_HOME elsewhere$"):
        ArbHome(tmp_path / "arb").ensure_run_dir()


def test_sockets_are_those_of_controller_and_traders_in_order(tmp_path: Path) -> None:
    home = ArbHome(tmp_path)
    run = home.ensure_run_dir()
    for name in ("trader-b.sock", "trader-a.sock", "controller.sock", "controller.sock.lock", "other.sock"):
        (run / name).touch()
    assert [path.name for path in home.sockets()] == ["controller.sock", "trader-a.sock", "trader-b.sock"]


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a\0"])
def test_a_name_cannot_leave_the_directory(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"^not a file name"):
        ArbHome(tmp_path).socket(name)
    with pytest.raises(ValueError, match=r"^not a file name"):
        ArbHome(tmp_path).durable_id(name, "x")


def test_the_first_id_stays(tmp_path: Path) -> None:
    home = ArbHome(tmp_path / "arb")
    assert home.durable_id("trader_id", "first") == "first"
    assert home.durable_id("trader_id", "second") == "first"
    assert home.durable_id("controller_id", "third") == "third"
    assert mode(home.path / "trader_id") == 0o600
    assert sorted(path.name for path in home.path.iterdir()) == ["controller_id", "trader_id"]


def test_processes_that_start_together_get_the_same_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = ArbHome(tmp_path)
    home.durable_id("trader_id", "winner")
    # Both look before either writes: the second finds the first's file when it is about to place its own.
    monkeypatch.setattr(Path, "exists", lambda _path: False)
    assert home.durable_id("trader_id", "loser") == "winner"
    assert [path.name for path in tmp_path.iterdir()] == ["trader_id"]


def test_ids_hold_under_real_races(tmp_path: Path) -> None:
    home = ArbHome(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda n: home.durable_id(f"id{n % 4}", f"of{n % 4}"), range(64)))
    assert found == {"of0", "of1", "of2", "of3"}


def test_a_broken_id_is_refused_with_the_fix(tmp_path: Path) -> None:
    (tmp_path / "trader_id").write_bytes(b"\xff\xfe two words")
    with pytest.raises(ConfigError, match=r"does not hold an id: remove it, and a new one is made$"):
        ArbHome(tmp_path).durable_id("trader_id", "x")


def test_an_id_that_is_none_is_a_bug(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^not an id"):
        ArbHome(tmp_path).durable_id("trader_id", "two words")
