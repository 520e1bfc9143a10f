"""`arb pairs find`: from saved listings, readable at 80 columns, and JSON for programs."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from cli.error import CliError
from cli.pairs_find import run
from tests.pairing.kit import gamma_game, kalshi_game


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "80")


def saved(path: Path, document: object) -> Path:
    data = json.dumps(document).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def find(folder: Path, gamma: dict[str, Any], **options: bool) -> int:
    kalshi = saved(folder / "kalshi.json", {"events": [kalshi_game()]})
    polymarket = saved(folder / "gamma.json.gz", [gamma])
    flags = {"everything": False, "closed": False, "evidence": False, "as_json": False, **options}
    return run([kalshi], [polymarket], **flags)


def test_a_candidate_is_shown_in_80_columns_with_what_is_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert find(tmp_path, gamma_game(description="The Celtics win.")) == 0
    shown = capsys.readouterr().out
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert "YES is      Boston = Celtics (NO is Raptors)" in shown
    assert "agree       league, date, teams, type, outcome" in shown
    assert "void rule: only one says what a mishap does" in shown
    assert "held until about 2026-01-10 03:05 UTC; Kalshi may close early" in shown
    assert "1 candidates: 0 all points agree, 1 not known, 0 different." in shown


def test_the_evidence_is_every_points_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert find(tmp_path, gamma_game(), evidence=True) == 0
    shown = capsys.readouterr().out
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert "K  26JAN09 (New York) [ticker]" in shown
    assert "starts 2026-01-09 19:30 New York" in shown


def test_json_is_one_object_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert find(tmp_path, gamma_game(), as_json=True) == 0
    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert (found["verdict"], found["yes_outcome"], found["poly_yes_token"]) == ("all points agree", "Celtics", "222")
    assert {point["state"] for point in found["points"]} == {"agree"}
    assert found["lockup"]["expected"] == "2026-01-10T03:05:00Z"


def test_markets_that_do_not_trade_are_counted_and_only_shown_when_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert find(tmp_path, gamma_game(closed=True)) == 0
    assert "0 candidates" in (shown := capsys.readouterr().out)
    assert "Polymarket: 1 markets; 1 closed, or not yet open." in shown
    assert find(tmp_path, gamma_game(closed=True), closed=True) == 0
    assert "1 candidates" in capsys.readouterr().out


def test_refused_candidates_are_shown_with_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = gamma_game(description="If the game is canceled, this market will resolve to No.")
    assert find(tmp_path, other) == 0
    assert "void rule" not in capsys.readouterr().out
    assert find(tmp_path, other, everything=True) == 0
    assert "cancelled: 50-50 against no" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "{", "[1, 2", '{"a": 1}\n{"b": '])
def test_a_file_that_is_no_listing_is_named(tmp_path: Path, text: str) -> None:
    (bad := tmp_path / "bad.json").write_text(text, encoding="utf-8")
    with pytest.raises(CliError, match=r"bad\.json"):
        run([bad], [bad], everything=False, closed=False, evidence=False, as_json=False)


def test_a_league_table_of_ones_own_that_is_wrong_is_named(tmp_path: Path) -> None:
    (folder := tmp_path / "home" / "leagues").mkdir(parents=True)
    (folder / "mine.toml").write_text("[nba", encoding="utf-8")
    with pytest.raises(CliError, match=r"mine\.toml"):
        find(tmp_path, gamma_game())


def test_unreadable_markets_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert find(tmp_path, gamma_game(question="")) == 0
    assert "not read: nba-tor-bos-2026-01-09: question: missing" in capsys.readouterr().err


def test_pages_on_lines_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kalshi = tmp_path / "kalshi.jsonl"
    kalshi.write_text("\n".join(json.dumps({"events": [kalshi_game()]}) for _ in range(2)), encoding="utf-8")
    gamma = saved(tmp_path / "gamma.json", [gamma_game()])
    assert run([kalshi], [gamma], everything=False, closed=False, evidence=False, as_json=True) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
