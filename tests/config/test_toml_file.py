"""A broken file is named with line, column and reason; a missing one is no file."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.error import ConfigError
from config.toml_file import MAX_FILE, read_toml


def test_a_missing_file_says_nothing(tmp_path: Path) -> None:
    assert read_toml(tmp_path / "config.toml") == {}


def test_numbers_with_a_point_are_exact(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("min_edge_cents = 0.1\n")
    assert read_toml(file) == {"min_edge_cents": Decimal("0.1")}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("beacon_port = = 9", "line 1, column 15: Invalid value"),
        ("a = 1\nb = 2\na = 3\n", "line 3, column 6: Cannot overwrite a value"),
        ('a = 1\nrole = "trader', "line 2, column 15: Unterminated string"),
        ("a = 1\nb", "line 2, column 2: Expected '=' after a key in a key/value pair"),
    ],
)
def test_broken_toml_is_named_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as broken:
        read_toml(file)
    assert str(broken.value).startswith(f"{file}, {words}; ")


def test_bytes_that_are_no_text_are_named_with_their_place(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(b"a = 1\nb = \xff\n")
    with pytest.raises(ConfigError, match=r"line 2, column 5: not UTF-8 text; save the file as UTF-8$"):
        read_toml(file)


@pytest.mark.parametrize("text", ["a = " + "[" * 5_000, "a = " + "9" * 5_000])
def test_the_parsers_own_limits_are_no_traceback(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_toml(file)


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("#" * (MAX_FILE + 1))
    with pytest.raises(ConfigError, match=f"is larger than {MAX_FILE} bytes"):
        read_toml(file)


def test_a_directory_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^cannot read .*: is a directory$"):
        read_toml(tmp_path)


@given(data=st.binary(max_size=200))
def test_no_bytes_raise_anything_else(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_bytes(data)
    try:
        read_toml(file)
    except ConfigError as error:
        complaint = str(error)
    else:
        complaint = str(file)
    assert str(file) in complaint
