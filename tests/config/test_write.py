"""The file is written whole, for its owner alone, and means what was given."""

from __future__ import annotations

import os
import stat
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.error import ConfigError
from config.toml_file import read_toml
from config.write import to_toml, write_config

NAMES = st.from_regex(r"[a-z][a-z_]{0,10}", fullmatch=True)
SCALARS = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.decimals(-(10**9), 10**9, places=6)
    | st.text(st.characters(codec="utf-8"), max_size=20)
)
VALUES = SCALARS | st.lists(SCALARS, max_size=4)


@given(values=st.dictionaries(NAMES, VALUES, max_size=5))
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, values: dict[str, object]) -> None:
    file = tmp_path_factory.getbasetemp() / "written.toml"
    write_config(file, values, replace=True)
    assert read_toml(file) == values


def test_the_file_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        write_config(tmp_path / "arb" / "config.toml", {"role": "trader"}, replace=False)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "arb" / "config.toml").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "arb").stat().st_mode) == 0o700


def test_an_existing_file_is_replaced_only_when_told(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("old")
    with pytest.raises(ConfigError, match=r"config\.toml exists: --force replaces it$"):
        write_config(file, {"role": "trader"}, replace=False)
    assert file.read_text() == "old"
    write_config(file, {"role": "trader"}, replace=True)
    assert read_toml(file) == {"role": "trader"}
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_an_interrupt_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupt: BaseException
) -> None:
    file = tmp_path / "config.toml"
    file.write_text("old")

    def fail(_handle: int) -> None:
        raise interrupt

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises((KeyboardInterrupt, ConfigError)):
        write_config(file, {"role": "trader"}, replace=True)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"^cannot write .*config\.toml: "):
        write_config(tmp_path / "file" / "config.toml", {}, replace=False)


@pytest.mark.parametrize("value", [None, {"a": {"b": 1}}, object(), Decimal("NaN")])
def test_what_toml_or_we_cannot_say_is_a_bug(value: object) -> None:
    with pytest.raises(ValueError, match="TOML"):
        to_toml({"name": value})


def test_a_name_that_is_no_bare_key_is_a_bug() -> None:
    with pytest.raises(ValueError, match="TOML"):
        to_toml({"a.b": 1})


def test_a_table_is_written_after_all_else_and_read_back_the_same() -> None:
    values = {"risk": {"pair_usd": 10, "confirm": "all"}, "ws_port": 9001}
    text = to_toml(values)
    assert text == 'ws_port = 9001\n\n[risk]\npair_usd = 10\nconfirm = "all"\n'
    assert tomllib.loads(text) == values
