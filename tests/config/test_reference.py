"""The documentation of the settings is the model's own."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from config.load import load_file
from config.reference import configuration_markdown
from config.settings import setting_names
from config.sources import about, env_names, file_name, kind
from tests.ground.project import ROOT


def test_the_page_is_what_the_model_says() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert page == configuration_markdown(), "run: python -m config.reference > docs/configuration.md"


def test_every_setting_has_a_row_with_all_that_there_is_to_know() -> None:
    rows = {row.split("`")[1]: row for row in configuration_markdown().splitlines() if row.startswith("| `")}
    assert list(rows) == [file_name(name) for name in setting_names()]
    for name, row in zip(setting_names(), rows.values(), strict=True):
        assert row.count("|") == 7
        assert kind(name).phrase in row
        assert about(name).meaning in row
        assert all(f"`{variable}`" in row for variable in env_names(name))


def test_the_example_in_the_page_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(configuration_markdown().split("```toml\n")[1].split("```")[0])
    assert load_file(file)["min_edge_cents"] == Decimal("0.5")
