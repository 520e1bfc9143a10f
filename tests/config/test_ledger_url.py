"""Where the ledger is kept: a file or a server, with a password that nobody gets to see."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import kinds
from config.error import ConfigError
from config.home import ArbHome
from config.load import load_settings
from config.write import to_toml

WORDS = "must be sqlite:////path/to/ledger.db or postgresql://USER@HOST/DATABASE"


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:////var/lib/arb/ledger.db",
        "postgresql://arb@localhost/arb",
        "postgres://arb:hunter2@db.example:5433/arb?sslmode=require",
        "postgresql:///arb",
    ],
)
def test_a_file_by_its_whole_path_or_a_server_serves(text: str) -> None:
    read = kinds.ledger_url().read(f" {text} ")
    assert read == kinds.ledger_url().read(read)
    assert read.get_secret_value() == text  # type: ignore[attr-defined]  # a kind reads an object


@pytest.mark.parametrize(
    "text",
    ["ledger.db", "sqlite:///ledger.db", "sqlite://", "sqlite:////", "sqlite:////l.db?mode=ro", "sqlite:////l#db",
     "postgresql://host", "mysql://host/arb", "postgresql://[::1/arb", "", 5, None],
)  # fmt: skip
def test_nothing_else_does(text: object) -> None:
    with pytest.raises(ValueError, match=r"^must be sqlite") as refused:
        kinds.ledger_url().read(text)
    assert str(refused.value) == WORDS


def test_without_one_it_is_a_file_at_home(tmp_path: Path) -> None:
    settings = load_settings({}, {}, ArbHome(tmp_path))
    assert settings.ledger == f"sqlite:///{tmp_path}/ledger.db"
    assert kinds.ledger_url().read(settings.ledger)


def test_it_comes_from_the_environment_or_the_file_and_is_not_shown(tmp_path: Path) -> None:
    url = "postgresql://arb:hunter2@localhost/arb"
    (tmp_path / "config.toml").write_text(to_toml({"ledger_url": url}))
    for env, source in (
        ({}, f"file {tmp_path / 'config.toml'}"),
        ({"ARB_LEDGER_URL": url}, "environment ARB_LEDGER_URL"),
    ):
        settings = load_settings({}, env, ArbHome(tmp_path))
        assert settings.ledger == url
        assert list(settings.chosen()) == [("ledger_url", "***", source)]
        assert "hunter2" not in repr(settings)


@pytest.mark.parametrize("in_file", [True, False])
def test_a_wrong_one_is_complained_of_without_being_shown(tmp_path: Path, *, in_file: bool) -> None:
    wrong = "mysql://arb:hunter2/x@host/arb"
    if in_file:
        (tmp_path / "config.toml").write_text(to_toml({"ledger_url": wrong}))
    with pytest.raises(ConfigError) as caught:
        load_settings({}, {} if in_file else {"ARB_LEDGER_URL": wrong}, ArbHome(tmp_path))
    said = f"ledger_url = *** in {tmp_path / 'config.toml'}" if in_file else "ARB_LEDGER_URL=*** in the environment"
    assert str(caught.value) == f"{said}: {WORDS}"
