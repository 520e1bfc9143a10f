"""Ctrl-C while `arb run ...` is still being imported: a quiet end, at whatever import it comes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.ground.project import ROOT

PATIENCE_S: Final = 30

INTERRUPTED: Final = """
import os, signal, sys

at, entry, sys.argv = sys.argv[1], sys.argv[2], ["arb", *sys.argv[3:]]

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == at:
            sys.stderr.write("interrupted\\n")
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGINT)

if os.environ.get("IGNORED"):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
else:
    signal.signal(signal.SIGINT, signal.default_int_handler)
main = __import__(entry, fromlist=["main"]).main
sys.meta_path.insert(0, Interrupt())
main()
"""
"""Runs `arb` with a Ctrl-C at the moment in which a module is looked for."""

TRADER: Final = ("run", "trader", "--url", "ws://127.0.0.1:9")
CONTROLLER: Final = ("run", "controller", "--bind", "127.0.0.1:0", "--feed", "sim")


def arb(at: str, entry: str, *words: str, home: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", INTERRUPTED, at, entry, *words],
        cwd=ROOT,
        env={**os.environ, "ARB_HOME": str(home), **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "at", "entry"),
    [
        (TRADER, "typer", "cli.entry"),
        (TRADER, "config.load", "cli.main"),
        (TRADER, "transport.trader_process", "cli.main"),
        (TRADER, "uvloop", "cli.main"),
        (CONTROLLER, "typer", "cli.entry"),
        (CONTROLLER, "cli.run_controller", "cli.main"),
        (CONTROLLER, "transport.controller_process", "cli.main"),
        (CONTROLLER, "uvloop", "cli.main"),
    ],
)
def test_a_ctrl_c_during_an_import_ends_quietly(tmp_path: Path, words: tuple[str, ...], at: str, entry: str) -> None:
    done = arb(at, entry, *words, home=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "interrupted\narb: stopped before anything was started\n"


def test_an_ignored_ctrl_c_stays_ignored(tmp_path: Path) -> None:
    done = arb("config.load", "cli.entry", "run", "trader", "--platform", "nowhere", home=tmp_path, IGNORED="1")
    assert done.returncode == 2
    assert "nowhere" in done.stderr


def test_other_commands_end_as_commands_do(tmp_path: Path) -> None:
    done = arb("cli.status", "cli.entry", "status", home=tmp_path)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
