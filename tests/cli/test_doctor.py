"""`arb doctor kalshi` as a command: lines for a person, JSON for a program, and an exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli import doctor
from cli.doctor import run
from cli.error import CliError
from config.load import load_settings
from tests.cli.test_live_venues import configured
from tests.venues.kalshi.material import KEY_ID
from transport.kalshi.doctor import Check, State

WELL = [Check(name="clock", state=State.OK, text="fine")]
ILL = [*WELL, Check(name="signature", state=State.FAILED, text="refused", fix="another key")]


def said(monkeypatch: pytest.MonkeyPatch, home: Path, checks: list[Check], *, as_json: bool) -> int:
    async def examine(*_: object) -> list[Check]:
        return checks

    monkeypatch.setattr(doctor, "_examine_kalshi", examine)
    return run(configured(home), "kalshi", market=None, as_json=as_json)


@pytest.mark.parametrize(("checks", "code"), [(WELL, 0), (ILL, 1)])
def test_the_worst_check_is_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, arb_home: Path, checks: list[Check], code: int
) -> None:
    assert said(monkeypatch, arb_home, checks, as_json=False) == code


def test_each_trouble_is_printed_with_its_fix(
    monkeypatch: pytest.MonkeyPatch, arb_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said(monkeypatch, arb_home, ILL, as_json=False)
    assert capsys.readouterr().out == (
        "kalshi at https://external-api.kalshi.com\n"
        "  ok       key        readable by you alone, ed25519\n"
        "  ok       clock      fine\n"
        "  failed   signature  refused\n"
        "                      -> another key\n"
    )


def test_json_is_one_object(
    monkeypatch: pytest.MonkeyPatch, arb_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said(monkeypatch, arb_home, ILL, as_json=True)
    out = capsys.readouterr().out
    document = json.loads(out)
    assert (document["platform"], document["key"]) == ("kalshi", "ed25519")
    assert document["checks"][-1] == {"name": "signature", "state": "failed", "text": "refused", "fix": "another key"}
    assert KEY_ID not in out


def test_another_platform_and_a_missing_key_are_said(arb_home: Path) -> None:
    with pytest.raises(CliError, match="doctor nowhere"):
        run(configured(arb_home), "nowhere", market=None, as_json=False)
    with pytest.raises(CliError, match=r"kalshi\.key_id and kalshi\.key_file are missing"):
        run(load_settings({}, {}), "kalshi", market=None, as_json=False)
    with pytest.raises(CliError, match=r"polymarket\.key_file is missing"):
        run(load_settings({}, {}), "polymarket", market=None, as_json=False)
