"""The wizard: on a terminal it asks, without one flags answer, and Ctrl-C leaves nothing half-written."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path

import pytest

from cli.bootstrap import ATTEMPTS, Answers, Wizard, run
from cli.error import CliError
from config.error import ConfigError
from config.home import ArbHome
from config.toml_file import read_toml
from tests.cli.process import arb, arb_on_terminal
from transport.tailscale import TailscaleStatus

ABSENT = TailscaleStatus(running=False, reason="Tailscale is not installed")
SEED = {"role": "controller", "beacon_port": 9000, "ws_port": 9001}


@pytest.fixture(autouse=True)
def without_tailscale(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def typing(*lines: str | type[BaseException]) -> tuple[Wizard, list[str]]:
    """A wizard on a terminal where these lines are typed, and the questions it asked."""
    asked: list[str] = []
    left = list(lines)

    def read(question: str) -> str:
        asked.append(question)
        line = left.pop(0)
        if isinstance(line, str):
            return line
        raise line

    return Wizard(interactive=True, read=read), asked


def bootstrap(home: Path, answers: Answers, wizard: Wizard, tailscale: TailscaleStatus = ABSENT) -> str | None:
    return run(answers, home=ArbHome(home), wizard=wizard, tailscale=lambda: tailscale)


def test_the_questions_of_a_controller(arb_home: Path) -> None:
    wizard, asked = typing("controller", "", "9100", "y")
    assert bootstrap(arb_home, Answers(), wizard) == "controller"
    assert asked == [
        "Is this machine the controller or a trader: ",
        "UDP port of the beacon [9000]: ",
        "Port of the controller's WebSocket [9001]: ",
        "Start the controller now? [y/N]: ",
    ]
    assert read_toml(arb_home / "config.toml") == {**SEED, "ws_port": 9100}
    assert stat.S_IMODE((arb_home / "config.toml").stat().st_mode) == 0o600


def test_a_trader_is_not_asked_for_the_controllers_port(arb_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wizard, asked = typing("trader", "9100", "")
    assert bootstrap(arb_home, Answers(), wizard) is None
    assert len(asked) == 3
    assert read_toml(arb_home / "config.toml") == {"role": "trader", "beacon_port": 9100, "ws_port": 9001}
    assert capsys.readouterr().out.endswith("Start it with: arb run trader\n")


def test_a_wrong_answer_is_asked_again_with_the_reason(arb_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wizard, asked = typing("boss", "", "trader", "70000", "9100", "n")
    bootstrap(arb_home, Answers(), wizard)
    assert len(asked) == 6
    out = capsys.readouterr().out
    assert "  must be controller or trader\n" in out
    assert "  must be a whole number from 1 to 65535\n" in out


def test_nonsense_does_not_go_on_for_ever(arb_home: Path) -> None:
    wizard, _asked = typing(*["boss"] * ATTEMPTS)
    with pytest.raises(CliError, match=f"no usable answer in {ATTEMPTS} attempts: answer with --role") as ended:
        bootstrap(arb_home, Answers(), wizard)
    assert ended.value.exit_code == 2
    assert not arb_home.exists()


def test_flags_answer_and_are_not_asked(arb_home: Path) -> None:
    wizard, asked = typing()
    answers = Answers(role="controller", beacon_port="1", ws_port="2", start=False)
    assert bootstrap(arb_home, answers, wizard) is None
    assert asked == []
    assert read_toml(arb_home / "config.toml") == {"role": "controller", "beacon_port": 1, "ws_port": 2}


def test_an_existing_file_is_replaced_only_with_leave_and_keeps_the_rest(
    arb_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arb_home.mkdir()
    file = arb_home / "config.toml"
    file.write_text('# mine\nrole = "trader"\nmin_edge_cents = 0.5\nplatforms = ["kalshi"]\nbeacon_port = 9100\n')
    old = file.read_text()
    wizard, asked = typing("controller", "", "", "no")
    with pytest.raises(CliError, match=r"^nothing was written$") as ended:
        bootstrap(arb_home, Answers(), wizard)
    assert ended.value.exit_code == 1
    assert asked[:2] == ["Is this machine the controller or a trader [trader]: ", "UDP port of the beacon [9100]: "]
    assert asked[3] == f"Replace {file} (2 other settings are kept, comments are not)? [y/N]: "
    assert file.read_text() == old
    wizard, _asked = typing("controller", "", "", "yes", "")
    bootstrap(arb_home, Answers(), wizard)
    assert read_toml(file) == read_toml_text(old) | {"role": "controller", "ws_port": 9001}
    assert f"Wrote {file} (2 other settings are kept, comments are not).\n" in capsys.readouterr().out


def read_toml_text(text: str) -> dict[str, object]:
    file = Path(os.environ["ARB_HOME"]) / "copy.toml"
    file.write_text(text)
    return read_toml(file)


def test_what_the_file_says_already_is_not_written_again(arb_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = Answers(role="controller", start=False)
    bootstrap(arb_home, answers, Wizard(interactive=False))
    before = (arb_home / "config.toml").stat()
    bootstrap(arb_home, answers, Wizard(interactive=False))
    assert (arb_home / "config.toml").stat() == before
    assert "says all this already." in capsys.readouterr().out


def test_a_broken_file_is_shown_and_replaced_only_with_leave(
    arb_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arb_home.mkdir()
    file = arb_home / "config.toml"
    file.write_text("beacon_port = 0\nws_port = 'x'\n")
    wizard, asked = typing("trader", "", "y", "")
    bootstrap(arb_home, Answers(), wizard)
    out = capsys.readouterr().out
    assert "broken, and nothing of it would be kept:\n  beacon_port = 0 in " in out
    assert asked[1] == "UDP port of the beacon [9000]: "
    assert read_toml(file) == {**SEED, "role": "trader"}


@pytest.mark.parametrize("stop", [KeyboardInterrupt, EOFError])
@pytest.mark.parametrize("answers_before", range(4))
def test_ctrl_c_at_any_question_leaves_the_old_file_whole(
    arb_home: Path, stop: type[BaseException], answers_before: int
) -> None:
    arb_home.mkdir()
    file = arb_home / "config.toml"
    file.write_text("beacon_port = 9100\n")
    wizard, _asked = typing(*["controller", "", "", "y"][:answers_before], stop)
    with pytest.raises(CliError, match=r"^stopped; ") as ended:
        bootstrap(arb_home, Answers(), wizard)
    assert ended.value.exit_code == 1
    assert file.read_text() == "beacon_port = 9100\n"
    assert list(arb_home.iterdir()) == [file]


def test_a_home_that_cannot_be_written_is_an_error_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"^cannot "):
        bootstrap(tmp_path / "file", Answers(role="trader", start=False), Wizard(interactive=False))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (ABSENT, "Tailscale: Tailscale is not installed.\n"),
        (
            TailscaleStatus(running=True, self_ips=("100.64.0.1",), peers=("100.64.0.2", "100.64.0.3", "fd7a::3")),
            "Tailscale: running as 100.64.0.1; 2 other machines are online.\n",
        ),
        (
            TailscaleStatus(running=True, self_ips=("100.64.0.1",)),
            "Tailscale: running as 100.64.0.1; no other machine is online.\n",
        ),
    ],
)
def test_what_tailscale_says_is_told_and_stops_nobody(
    arb_home: Path, capsys: pytest.CaptureFixture[str], found: TailscaleStatus, words: str
) -> None:
    bootstrap(arb_home, Answers(role="trader", start=False), Wizard(interactive=False), found)
    assert capsys.readouterr().out.startswith(words)
    assert (arb_home / "config.toml").exists()


# As a process


def test_without_a_terminal_flags_are_enough(arb_home: Path) -> None:
    done = arb("bootstrap", "--role", "controller", "--ws-port", "9100")
    assert (done.code, done.err) == (0, "")
    assert f"Wrote {arb_home / 'config.toml'}.\nStart it with: arb run controller\n" in done.out
    assert read_toml(arb_home / "config.toml") == {**SEED, "ws_port": 9100}


def test_without_a_terminal_a_missing_flag_is_a_usage_error_that_names_it(arb_home: Path) -> None:
    done = arb("bootstrap")
    assert done.code == 2
    assert done.err == (
        "arb: --role is missing, and there is no terminal to ask on: give --role controller or --role trader\n"
    )
    assert not arb_home.exists()


def test_without_a_terminal_a_wrong_flag_names_itself() -> None:
    done = arb("bootstrap", "--role", "trader", "--beacon-port", "ninety")
    assert (done.code, done.err) == (2, "arb: --beacon-port ninety: must be a whole number from 1 to 65535\n")


def test_without_a_terminal_only_force_replaces(arb_home: Path) -> None:
    assert arb("bootstrap", "--role", "controller").code == 0
    done = arb("bootstrap", "--role", "trader", "--yes")
    assert done.code == 2
    assert done.err == f"arb: {arb_home / 'config.toml'} exists: --force replaces the role and the ports in it\n"
    assert arb("bootstrap", "--role", "trader", "--force").code == 0
    assert read_toml(arb_home / "config.toml")["role"] == "trader"


def test_on_a_terminal_it_asks(arb_home: Path) -> None:
    done = arb_on_terminal(
        ["bootstrap"], [("or a trader: ", "trader"), ("beacon [9000]: ", ""), ("trader now? [y/N]: ", "n")]
    )
    assert done.code == 0
    assert done.out.endswith("Start it with: arb run trader\n")
    assert read_toml(arb_home / "config.toml")["role"] == "trader"


def test_ctrl_c_on_a_terminal_writes_nothing(arb_home: Path) -> None:
    done = arb_on_terminal(["bootstrap"], [("or a trader: ", "trader"), ("beacon [9000]: ", signal.SIGINT)])
    assert done.code == 1
    assert done.out.endswith("arb: stopped; run `arb bootstrap` again whenever you like\n")
    assert not arb_home.exists()


def test_yes_on_a_terminal_asks_nothing(arb_home: Path) -> None:
    done = arb_on_terminal(["bootstrap", "--yes", "--role", "trader"], [])
    assert done.code == 0
    assert read_toml(arb_home / "config.toml") == {**SEED, "role": "trader"}


def test_start_starts_what_was_written(arb_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[str, int]] = []
    monkeypatch.setattr("cli.main._start", lambda role, settings: started.append((role, settings.ws_port)))
    monkeypatch.setattr("sys.argv", ["arb", "bootstrap", "--role", "controller", "--ws-port", "9100", "--start"])
    from cli.main import main  # noqa: PLC0415 -- after its part was replaced

    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert started == [("controller", 9100)]
    assert (arb_home / "config.toml").exists()
