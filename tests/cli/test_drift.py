"""`arb ledger drift` and its part of the status: from a document that a controller of any version may have written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.drift import NEVER, run
from cli.error import CliError
from cli.output import Style
from cli.status_drift import drift
from config.home import ArbHome

DIFFERENCE = {
    "kind": "order",
    "what": "by-hand",
    "venue": "an order on T: 2 filled",
    "ledger": "no such order",
    "since_us": 1_795_300_000_000_000,
    "seen": 1,
    "reason": "placed by hand",
    "fix": "see order o9",
}
ACCOUNT = {
    "platform": "kalshi",
    "money": "real",
    "by": "lisbon",
    "compared_at_us": 1,
    "age_s": 12,
    "not_comparable": "kalshi's reads lag",
    "moving": ["M"],
    "tolerated": [{"market": "U", "contracts": 3, "unknown_legs": ["leg-1"]}],
    "differences": [DIFFERENCE],
    "more": 0,
}
SAID = {"accounts": [ACCOUNT], "silent": {"polymarket": "rio speaks level 1 and cannot be asked"}}


def shown(capsys: pytest.CaptureFixture[str], home: Path, said: object, *, as_json: bool = False) -> tuple[int, str]:
    where = ArbHome(home)
    where.ensure_run_dir()
    where.socket("controller").touch()

    def asking(_path: Path, _request: dict[str, Any], _patience: float) -> dict[str, Any]:
        return {"role": "controller", "reconciliation": said}

    code = run(as_json=as_json, home=where, asking=asking)
    return code, " ".join(capsys.readouterr().out.split())


def test_a_difference_is_shown_with_its_reason_and_what_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, text = shown(capsys, tmp_path, SAID)
    assert code == 1
    for part in ("1 differ, compared 12 s ago by lisbon", "order by-hand: the venue has an order on T: 2 filled",
                 "(seen once)", "likely: placed by hand", "to do: see order o9",
                 "not comparable now: kalshi's reads lag",
                 "left out, they moved meanwhile: M", "leg-1", "polymarket is not compared: rio speaks"):  # fmt: skip
        assert part in text
    assert "to do" not in "\n".join(drift({"reconciliation": SAID}, Style(), 80))


def test_json_is_the_document_itself(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, text = shown(capsys, tmp_path, SAID, as_json=True)
    assert (code, json.loads(text)) == (1, SAID)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"accounts": [ACCOUNT | {"differences": []}]}, "kalshi: agrees"),
        ({"accounts": [], "silent": {}}, "no account was compared yet"),
        ({}, NEVER),
        (None, NEVER),
        ({"accounts": [7, {"differences": "x"}], "silent": 3}, "not compared yet"),
    ],
)
def test_what_does_not_differ_is_well(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, said: object, words: str
) -> None:
    code, text = shown(capsys, tmp_path, said)
    assert code == 0
    assert words in text


def test_without_a_controller_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="no controller is running"):
        run(as_json=False, home=ArbHome(tmp_path))
