"""The words of `arb`: every command's help, every flag's way into the settings, every code it ends with."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cli import exit_codes
from cli.error import CliError
from cli.main import main
from config.address import Address
from config.settings import Settings
from config.sources import about
from tests.cli.process import arb
from tests.ground.project import ROOT

COMMANDS = (
    ("run",),
    ("run", "controller"),
    ("run", "trader"),
    ("status",),
    ("halt",),
    ("reduce",),
    ("resume",),
    ("confirm",),
    ("ledger", "paid-out"),
    ("ledger", "settle-leg"),
    ("ledger",),
    ("pairs",),
    ("pairs", "find"),
    ("demo",),
    ("replay",),
    ("bootstrap",),
    ("version",),
)
HEAVY = {"pydantic", "rich", "asyncio", "websockets", "thespian", "msgspec", "config.settings", "tomllib"}


class Body:
    """Stands in for a command's own module and notes how it was called."""

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self.exit_code = 0
        self.error: Exception | None = None

    def run(self, *args: object, **named: object) -> int:
        self.calls.append((args, named))
        if self.error is not None:
            raise self.error
        return self.exit_code

    @property
    def settings(self) -> Settings:
        (settings, *_), _named = self.calls[-1]
        assert isinstance(settings, Settings)
        return settings


@pytest.fixture
def bodies(monkeypatch: pytest.MonkeyPatch) -> dict[str, Body]:
    found = {}
    for name in ("run_controller", "run_trader", "replay", "demo"):
        body, module = Body(), ModuleType(f"cli.{name}")
        module.run = body.run  # type: ignore[attr-defined]  # a module made here
        monkeypatch.setitem(sys.modules, f"cli.{name}", module)
        found[name] = body
    return found


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["arb", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_exit_codes_are_what_the_documentation_says() -> None:
    named = {name: code for name, code in vars(exit_codes).items() if name.isupper()}
    assert named == {"OK": 0, "ERROR": 1, "USAGE": 2, "NOT_RUNNING": 3, "CONFIGURATION": 4, "TIMEOUT": 5}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_fits_the_terminal_and_needs_no_configuration(
    command: tuple[str, ...], arb_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arb_home.mkdir()
    (arb_home / "config.toml").write_text("broken = = 1")
    monkeypatch.setenv("ARB_SEED", "nonsense")
    done = arb(*command, "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Usage: arb {' '.join(command)}")
    assert [line for line in done.out.splitlines() if len(line) > 80] == []
    assert arb(*command, "-h").out == done.out


def test_the_commands_are_listed_in_a_newcomers_order() -> None:
    listed = arb("--help").out.split("Commands:\n")[1].split("\n\n")[0]
    assert [line.split()[0] for line in listed.splitlines()] == [
        "run",
        "status",
        "doctor",
        "halt",
        "reduce",
        "resume",
        "confirm",
        "ledger",
        "pairs",
        "demo",
        "record",
        "replay",
        "simulate",
        "exchange",
        "bootstrap",
        "version",
    ]
    assert "..." not in listed


def test_help_loads_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "cli.main", "run", "controller", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "typer" in loaded
    assert {name for name in loaded if name in HEAVY or name.partition(".")[0] in HEAVY} == set()


def test_every_flag_of_the_settings_is_a_flag_of_a_command() -> None:
    pages = arb("run", "controller", "--help").out + arb("run", "trader", "--help").out
    pages += arb("pairs", "fetch", "--help").out
    flags = {flag for name in Settings.model_fields for flag in (about(name).flag, about(name).no_flag) if flag}
    assert {flag for flag in flags if f" {flag} " not in pages} == set()


def test_run_controller_without_flags_takes_the_defaults(
    bodies: dict[str, Body], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, "run", "controller") == 0
    assert bodies["run_controller"].settings.model_dump() == Settings().model_dump()
    assert list(bodies["run_controller"].settings.chosen()) == []


def test_run_controller_hands_every_flag_on(bodies: dict[str, Body], monkeypatch: pytest.MonkeyPatch) -> None:
    words = (
        "run controller --bind 127.0.0.1:0 --bind [::1]:9001 --pairs p.toml --feed replay:r.gz "
        "--local kalshi,polymarket --speed 50 --min-edge 0.5 --live --max-silence 3 --max-contracts 10 --seed 7 "
        "--beacon-port 9100 --insecure --exit-at-end --log-json --log-level debug"
    )
    assert run(monkeypatch, *words.split()) == 0
    settings = bodies["run_controller"].settings
    assert settings.bind == (Address("127.0.0.1", 0), Address("::1", 9001))
    assert (settings.pairs, settings.feed) == (Path("p.toml"), "replay:r.gz")
    assert settings.controller_platforms == ("kalshi", "polymarket")
    assert (settings.speed, settings.min_edge_cents) == (Decimal(50), Decimal("0.5"))
    assert (settings.live, settings.dry_run, settings.dry_run_by) == (True, False, "flag --live")
    assert (settings.max_silence_s, settings.max_contracts) == (Decimal(3), Decimal(10))
    assert (settings.seed, settings.beacon_port) == (7, 9100)
    assert (settings.insecure, settings.exit_at_end, settings.log_json) == (True, True, True)
    assert settings.log_level == "debug"
    flags = words.split("controller ")[1].split(" ")
    assert {source for _, _, source in settings.chosen()} == {f"flag {flag}" for flag in flags if flag.startswith("--")}


def test_run_trader_hands_every_flag_on(bodies: dict[str, Body], monkeypatch: pytest.MonkeyPatch) -> None:
    words = (
        "run trader --platform kalshi --url ws://127.0.0.1:9001 --venue live --one-shot --live --max-leg-notional 5.50 "
        "--name k1 --beacon-port 9100 --log-json --log-level error"
    )
    assert run(monkeypatch, *words.split()) == 0
    settings = bodies["run_trader"].settings
    assert (settings.platforms, settings.websocket_url) == (("kalshi",), "ws://127.0.0.1:9001")
    assert (settings.venue, settings.one_shot, settings.dry_run) == ("live", True, False)
    assert (settings.max_leg_notional_usd, settings.name) == (Decimal("5.5"), "k1")
    assert (settings.beacon_port, settings.log_json, settings.log_level) == (9100, True, "error")


def test_dry_run_overrules_a_live_configuration(bodies: dict[str, Body], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARB_LIVE", "yes")
    run(monkeypatch, "run", "trader")
    assert not bodies["run_trader"].settings.dry_run
    run(monkeypatch, "run", "trader", "--dry-run")
    assert bodies["run_trader"].settings.dry_run
    assert bodies["run_trader"].settings.dry_run_by == "flag --dry-run"


def test_replay_hands_file_and_flags_on(bodies: dict[str, Body], monkeypatch: pytest.MonkeyPatch) -> None:
    words = "replay r.gz --pairs p.toml --min-edge 2 --max-silence 9 --json --trade"
    assert run(monkeypatch, *words.split()) == 0
    settings = bodies["replay"].settings
    assert (settings.feed_file, settings.pairs) == (Path("r.gz"), Path("p.toml"))
    assert (settings.min_edge_cents, settings.silence_limit_s) == (Decimal(2), Decimal(9))
    assert bodies["replay"].calls[-1][1] == {"as_json": True, "trade": True}


def test_replay_without_pairs_is_a_usage_error(
    bodies: dict[str, Body], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "replay", "r.gz") == 2
    assert capsys.readouterr().err == "arb: --pairs FILE is missing: it says which markets belong together\n"
    assert bodies["replay"].calls == []


def test_demo_hands_its_flags_on(bodies: dict[str, Body], monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, "demo")
    run(monkeypatch, "demo", "--seconds", "5", "--seed", "3", "--json")
    assert [named for _, named in bodies["demo"].calls] == [
        {"seconds": None, "seed": None, "as_json": False},
        {"seconds": 5, "seed": 3, "as_json": True},
    ]


@pytest.mark.parametrize("role", ["controller", "trader"])
def test_run_alone_starts_the_configured_role(
    bodies: dict[str, Body], monkeypatch: pytest.MonkeyPatch, arb_home: Path, role: str
) -> None:
    arb_home.mkdir()
    (arb_home / "config.toml").write_text(f'role = "{role}"\n')
    assert run(monkeypatch, "run") == 0
    assert [name for name, body in bodies.items() if body.calls] == [f"run_{role}"]


def test_run_alone_without_a_role_says_what_to_say() -> None:
    done = arb("run")
    assert done.code == 2
    assert done.err == (
        "arb: no role: say `arb run controller` or `arb run trader`, or keep one with `arb bootstrap`\n"
    )


@pytest.mark.parametrize("code", [0, 1, 3, 5])
def test_the_exit_code_is_the_commands(bodies: dict[str, Body], monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    bodies["run_trader"].exit_code = code
    assert run(monkeypatch, "run", "trader") == code


def test_an_expected_failure_is_a_sentence(
    bodies: dict[str, Body], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bodies["run_trader"].error = CliError(5, "no controller found in 30 s:\ngive its address with --url")
    assert run(monkeypatch, "run", "trader") == 5
    assert capsys.readouterr().err == "arb: no controller found in 30 s:\narb: give its address with --url\n"


def test_a_bug_keeps_its_traceback(bodies: dict[str, Body], monkeypatch: pytest.MonkeyPatch) -> None:
    bodies["run_trader"].error = LookupError("a bug")
    monkeypatch.setattr(sys, "argv", ["arb", "run", "trader"])
    with pytest.raises(LookupError, match="a bug"):
        main()


@pytest.mark.parametrize(
    ("words", "env", "text", "code", "complaint"),
    [
        ("run controller --min-edge much", {}, "", 2,
         "--min-edge much: must be a number from 0 to 100, with at most 4 decimals"),
        ("run controller --feed nasdaq", {}, "", 2, "--feed nasdaq: must be sim, live or replay:FILE"),
        ("run trader --platform betfair", {}, "", 2,
         '--platform betfair: must be a comma-separated list out of kalshi, polymarket; "betfair" is none of them'),
        ("run trader --url http://x", {}, "", 2, "--url http://x: must be a URL like ws://HOST:9001 or wss://HOST:9001"),
        ("run trader", {"WEBSOCKET_URL": "x"}, "", 4,
         "WEBSOCKET_URL=x in the environment: must be a URL like ws://HOST:9001 or wss://HOST:9001"),
        ("run controller", {}, 'beacon_port = "ninety"', 4,
         'beacon_port = "ninety" in {file}: must be a whole number from 1 to 65535'),
        ("run controller", {}, "ws_prt = 1", 4, "ws_prt in {file} is no setting: did you mean ws_port?"),
        ("run controller", {}, "role = ", 4,
         '{file}, line 1, column 8: Invalid value; lines look like ws_port = 9001 or role = "trader"'),
        ("replay r.gz", {}, "[pairs]", 4, "pairs = {{...}} in {file}: must be a path, or approved"),
        ("status --role boss", {}, "", 2, "--role boss: must be controller or trader"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence_and_a_code(
    arb_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    env: dict[str, str],
    text: str,
    code: int,
    complaint: str,
) -> None:
    arb_home.mkdir()
    (arb_home / "config.toml").write_text(text)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    done = arb(*words.split())
    assert done.err == f"arb: {complaint.format(file=arb_home / 'config.toml')}\n"
    assert (done.code, done.out) == (code, "")


@pytest.mark.parametrize(
    "words", ["fly", "run fly", "run controller --fly", "replay", "demo --seconds 0", "demo --seed x"]
)
def test_a_word_that_is_none_is_a_usage_error(words: str) -> None:
    done = arb(*words.split())
    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err


def test_version_is_said_both_ways() -> None:
    by_command, by_flag = arb("version"), arb("--version")
    assert by_command == by_flag
    assert by_command.code == 0
    assert by_command.out.startswith("arb ")
