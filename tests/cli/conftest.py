"""Fixtures of the command line's tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.main import main
from tests.cli.ledger_kit import FACTS, Run, Said
from tests.transport.ledger_kit import sqlite_url
from transport.ledger.store import LedgerStore


@pytest.fixture
def ledger_url(arb_home: Path) -> str:
    """Where this test's ledger will be."""
    arb_home.mkdir()
    return sqlite_url(arb_home / "ledger.db")


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[LedgerStore]:
    """A ledger that its controller has open."""
    with LedgerStore(ledger_url) as made:
        made.append(FACTS)
        yield made


@pytest.fixture
def run_ledger(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `arb ledger` with these words in this process, 80 columns wide."""
    monkeypatch.setenv("COLUMNS", "80")

    def go(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["arb", "ledger", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Said(ended.value.code, said.out, said.err)

    return go
