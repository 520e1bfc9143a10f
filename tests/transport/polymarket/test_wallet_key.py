"""The wallet's key: from a file of one's own or the keyring, and in no text whatever goes wrong."""

from __future__ import annotations

import copy
from pathlib import Path

import keyring
import pytest
from keyring.errors import KeyringLocked

from tests.venues.polymarket.material import KEY, SIGNER
from transport.polymarket.wallet_key import SERVICE, KeyUnusable, keyring_wallet_key, read_wallet_key


def written(directory: Path, text: str, mode: int = 0o600) -> Path:
    file = directory / "key"
    file.touch(mode=mode)
    file.chmod(mode)
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("text", [KEY, KEY.removeprefix("0x"), f"  {KEY}\n"])
def test_a_key_is_read_and_only_its_address_is_shown(tmp_path: Path, text: str) -> None:
    key = read_wallet_key(written(tmp_path, text))
    assert key.address == SIGNER
    assert repr(key) == f"WalletKey({SIGNER})"
    with pytest.raises(TypeError):
        copy.copy(key)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_can_read_is_refused_with_the_fix(tmp_path: Path, mode: int) -> None:
    with pytest.raises(KeyUnusable, match="run: chmod 600"):
        read_wallet_key(written(tmp_path, KEY, mode))


@pytest.mark.parametrize("text", ["", "0x", "11" * 31, "11" * 33, "zz" * 32, "0x" + "00" * 32, "ff" * 32, KEY + KEY])
def test_what_is_no_key_is_said_and_not_shown(tmp_path: Path, text: str) -> None:
    with pytest.raises(KeyUnusable, match="64 hex digits") as caught:
        read_wallet_key(written(tmp_path, text))
    assert len(text) < 20 or text[4:20] not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyUnusable, match="nothing-here: cannot be read"):
        read_wallet_key(tmp_path / "nothing-here")


class Ring:
    """A keyring of the test; what it raises stands for one that is locked."""

    def __init__(self, kept: dict[tuple[str, str], str], broken: Exception | None = None) -> None:
        self.kept = kept
        self.broken = broken

    def get_password(self, service: str, username: str) -> str | None:
        if self.broken is not None:
            raise self.broken
        return self.kept.get((service, username))


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Ring:
    found = Ring({(SERVICE, "lisbon"): KEY, (SERVICE, "bad"): "hello"})
    monkeypatch.setattr(keyring, "get_password", found.get_password)
    return found


def test_the_keyring_has_it(ring: Ring) -> None:
    assert ring.broken is None
    assert keyring_wallet_key("lisbon").address == SIGNER


def test_what_the_keyring_does_not_have_is_said_with_the_command(ring: Ring) -> None:
    with pytest.raises(KeyUnusable, match="keyring set arb porto"):
        keyring_wallet_key("porto")
    with pytest.raises(KeyUnusable, match="64 hex digits") as caught:
        keyring_wallet_key("bad")
    assert "hello" not in str(caught.value)
    ring.broken = KeyringLocked("locked")
    with pytest.raises(KeyUnusable, match="does not open: locked"):
        keyring_wallet_key("lisbon")
