"""The token is read only from an ordinary file that nobody else can read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from config.error import ConfigError
from config.token_file import read_token


def token_file(folder: Path, text: str = "s3cret-token\n", mode: int = 0o600) -> Path:
    file = folder / "token"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_the_token_is_read_without_its_line_end(tmp_path: Path) -> None:
    assert read_token(token_file(tmp_path), "here").get_secret_value() == "s3cret-token"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o602, 0o660, 0o601])
def test_a_file_that_others_can_reach_is_refused_with_the_fix(tmp_path: Path, mode: int) -> None:
    file = token_file(tmp_path, mode=mode)
    with pytest.raises(ConfigError) as refused:
        read_token(file, "token_file = x")
    assert str(refused.value) == f"token_file = x: others can read or change it; run: chmod 600 {file}"


@pytest.mark.parametrize("text", ["", " \n", "two words", "two\nlines", "x" * 4_097, "caf\u00e9"])
def test_what_is_no_token_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_token(token_file(tmp_path, text), "here")
    assert str(refused.value) == "here: must hold one line of visible ASCII characters without spaces"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^here: cannot be read \(no such file or directory\)$"):
        read_token(tmp_path / "token", "here")


def test_a_pipe_is_refused_and_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "token", 0o600)
    with pytest.raises(ConfigError, match=r"^here: must be an ordinary file$"):
        read_token(tmp_path / "token", "here")
