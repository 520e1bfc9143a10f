"""The table `[alerts]`, and that no complaint shows a URL."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.error import ConfigError
from config.home import ArbHome
from config.load import load_settings
from config.settings import Settings

SECRET = "hunter2hunter2"


def loaded(tmp_path: Path, text: str = "", **env: str) -> Settings:
    (tmp_path / "config.toml").write_text(text, encoding="utf-8")
    return load_settings(env=env, home=ArbHome(tmp_path))


def urls(settings: Settings) -> list[str]:
    return [url.get_secret_value() for url in settings.alerts_urls]


def test_the_file_has_a_table_of_them(tmp_path: Path) -> None:
    settings = loaded(tmp_path, '[alerts]\nurls = ["ntfy://a", "json://b,c"]\nper_hour = 3\nsummary = false\n')
    assert urls(settings) == ["ntfy://a", "json://b,c"]
    assert (settings.alerts_per_hour, settings.alerts_summary) == (3, False)


def test_the_environment_parts_them_by_spaces(tmp_path: Path) -> None:
    assert urls(loaded(tmp_path, ARB_ALERTS_URLS="ntfy://a  json://b,c ntfy://a")) == ["ntfy://a", "json://b,c"]


def test_nobody_is_told_by_default(tmp_path: Path) -> None:
    assert urls(loaded(tmp_path)) == []


@pytest.mark.parametrize("wrong", ["no url", f"mailto:{SECRET}", f"ntfy://{SECRET} {SECRET}"])
def test_a_wrong_one_is_refused_and_not_shown(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(ConfigError, match="must be URLs of apprise") as caught:
        loaded(tmp_path, ARB_ALERTS_URLS=wrong)
    assert SECRET not in str(caught.value)
    with pytest.raises(ConfigError, match="must be URLs of apprise") as caught:
        loaded(tmp_path, f'[alerts]\nurls = ["{wrong}"]\n')
    assert SECRET not in str(caught.value)


def test_no_listing_shows_one(tmp_path: Path) -> None:
    settings = loaded(tmp_path, f'[alerts]\nurls = ["ntfy://{SECRET}"]\n')
    assert SECRET not in f"{settings!r} {list(settings.chosen())}"


def test_a_misspelt_name_is_named_with_its_table(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"alerts\.per_day .* did you mean alerts\.per_hour"):
        loaded(tmp_path, "[alerts]\nper_day = 3\n")
