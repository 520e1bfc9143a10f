"""The file of the key: for its user alone, and nothing of it in any word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.venues.kalshi.material import PASSPHRASE, ed25519, pem
from transport.kalshi.key_file import SecretFileError, read_key_file


def written(path: Path, data: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    return path


def test_a_key_for_its_user_alone_is_read(tmp_path: Path) -> None:
    assert read_key_file(written(tmp_path / "key.pem", pem(ed25519()))).kind == "ed25519"


@pytest.mark.parametrize("in_file", [True, False])
def test_a_passphrase_opens_it(tmp_path: Path, in_file: bool) -> None:
    key = written(tmp_path / "key.pem", pem(ed25519(), passphrase=PASSPHRASE))
    if in_file:
        assert read_key_file(key, written(tmp_path / "words", PASSPHRASE + b"\n")).kind == "ed25519"
    else:
        assert read_key_file(key, passphrase=PASSPHRASE.decode()).kind == "ed25519"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
@pytest.mark.parametrize("name", ["key.pem", "words"])
def test_what_others_can_read_or_change_is_refused_with_the_fix(tmp_path: Path, name: str, mode: int) -> None:
    files = {
        "key.pem": written(tmp_path / "key.pem", pem(ed25519(), passphrase=PASSPHRASE)),
        "words": written(tmp_path / "words", PASSPHRASE),
    }
    files[name].chmod(mode)
    with pytest.raises(SecretFileError, match=re.escape(f"run: chmod 600 {files[name]}")):
        read_key_file(files["key.pem"], files["words"])


@pytest.mark.parametrize(
    ("data", "why"),
    [(None, "cannot be read (no such file"), (b"", "no private key"), (b"x" * 70_000, "longer than")],
)
def test_a_file_that_is_no_key_is_named(tmp_path: Path, data: bytes | None, why: str) -> None:
    file = tmp_path / "key.pem"
    if data is not None:
        written(file, data)
    with pytest.raises(SecretFileError, match=f"^{re.escape(str(file))}: .*{re.escape(why)}"):
        read_key_file(file)


def test_a_folder_and_an_empty_passphrase_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SecretFileError, match="is a directory"):
        read_key_file(tmp_path)
    key = written(tmp_path / "key.pem", pem(ed25519(), passphrase=PASSPHRASE))
    with pytest.raises(SecretFileError, match="is empty"):
        read_key_file(key, written(tmp_path / "words", b"\n"))


def test_no_word_about_a_wrong_passphrase_shows_it(tmp_path: Path) -> None:
    key = written(tmp_path / "key.pem", pem(ed25519(), passphrase=PASSPHRASE))
    with pytest.raises(SecretFileError) as caught:
        read_key_file(key, written(tmp_path / "words", b"another secret"))
    assert "another secret" not in str(caught.value)
    assert "passphrase may be wrong" in str(caught.value)
