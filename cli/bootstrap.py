"""`arb bootstrap`: the questions that make a machine a controller or a trader, and the file that keeps the answers.

On a terminal it asks; without one, or with ``--yes``, flags answer and defaults fill in. Nothing is written before the
last question is answered, and then whole.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cli.error import CliError
from cli.exit_codes import ERROR, USAGE
from cli.output import say
from config.error import ConfigError
from config.home import ArbHome
from config.load import load_file
from config.settings import Settings
from config.sources import kind
from config.toml_file import read_toml
from config.write import write_config
from transport.tailscale import TailscaleStatus, tailscale_status

ATTEMPTS: Final = 5
"""Wrong answers to one question before giving up: a script that feeds nonsense must end."""


ASKED: Final = ("role", "beacon_port", "ws_port")


@dataclass(frozen=True, slots=True)
class Answers:
    """What the flags answer already; None where they say nothing."""

    role: str | None = None
    beacon_port: str | None = None
    ws_port: str | None = None
    yes: bool = False
    force: bool = False
    start: bool | None = None


class Wizard:
    """Asks on the terminal, or takes flags and defaults where there is none."""

    def __init__(self, *, interactive: bool, read: Callable[[str], str] = input) -> None:
        self.interactive = interactive
        self._read = read

    def value(self, name: str, question: str, flag: str, answer: str | None, default: object) -> object:
        """Return a setting's value: from its flag, from the terminal, or the default; checked in each case.

        Raises :class:`CliError` (usage) where the flag is wrong, or there is no answer and no default.
        """
        if answer is not None:
            try:
                return kind(name).read(answer)
            except ValueError as error:
                raise CliError(USAGE, f"{flag} {answer}: {error}") from None
        if not self.interactive:
            if default is None:
                give = kind(name).phrase.replace(" or ", f" or {flag} ")
                raise CliError(USAGE, f"{flag} is missing, and there is no terminal to ask on: give {flag} {give}")
            return default
        return self._ask(name, question, flag, default)

    def _ask(self, name: str, question: str, flag: str, default: object) -> object:
        shown = "" if default is None else f" [{default}]"
        for _ in range(ATTEMPTS):
            line = self._read(f"{question}{shown}: ").strip()
            if not line and default is not None:
                return default
            try:
                return kind(name).read(line)
            except ValueError as error:
                say(f"  {error}")
        raise CliError(USAGE, f"no usable answer in {ATTEMPTS} attempts: answer with {flag}")

    def agrees(self, question: str) -> bool:
        """Return a yes or no from the terminal; no is the default, and the answer where there is no terminal."""
        if not self.interactive:
            return False
        return self._read(f"{question} [y/N]: ").strip().lower() in {"y", "yes"}


def run(
    answers: Answers,
    *,
    home: ArbHome | None = None,
    wizard: Wizard | None = None,
    tailscale: Callable[[], TailscaleStatus] | None = None,
) -> str | None:
    """Write the configuration and return the role to start now, or None.

    Raises :class:`CliError` for a question that nothing answers, and for Ctrl-C, which leaves everything as it was.
    """
    home = ArbHome.from_environment() if home is None else home
    if wizard is None:
        wizard = Wizard(interactive=sys.stdin.isatty() and sys.stdout.isatty() and not answers.yes)
    try:
        _say_tailscale((tailscale or _tailscale)())
        role = _configure(answers, home, wizard)
        start = wizard.agrees(f"Start the {role} now?") if answers.start is None else answers.start
    except (KeyboardInterrupt, EOFError):
        say()
        raise CliError(ERROR, "stopped; run `arb bootstrap` again whenever you like") from None
    if not start:
        say(f"Start it with: arb run {role}")
    return role if start else None


def _configure(answers: Answers, home: ArbHome, wizard: Wizard) -> str:
    """Ask what is needed, write the file and return the role."""
    file = home.config_file
    old = _existing(file)
    defaults = {name: old.get(name, Settings.model_fields[name].default) for name in ASKED}

    def answer(name: str, question: str, given: str | None) -> object:
        flag = f"--{name.replace('_', '-')}"
        return wizard.value(name, question, flag, given, defaults[name])

    role = answer("role", "Is this machine the controller or a trader", answers.role)
    beacon_port = answer("beacon_port", "UDP port of the beacon", answers.beacon_port)
    ws_port = defaults["ws_port"]
    if role == "controller" or answers.ws_port is not None:
        ws_port = answer("ws_port", "Port of the controller's WebSocket", answers.ws_port)
    _write(file, {**old, "role": role, "beacon_port": beacon_port, "ws_port": ws_port}, answers, wizard)
    return str(role)


def _existing(file: Path) -> dict[str, Any]:
    """Return what the file says now; nothing where it is broken, after saying so."""
    try:
        return load_file(file)
    except ConfigError as error:
        say("The configuration there now is broken, and nothing of it would be kept:")
        for problem in error.problems:
            say(f"  {problem}")
        return {}


def _write(file: Path, values: Mapping[str, Any], answers: Answers, wizard: Wizard) -> None:
    """Write the file unless it says all this already; over an existing one only with leave."""
    exists = file.exists()
    if exists and _says(file) == values:
        say(f"{file} says all this already.")
        return
    others = len(values) - len(ASKED)
    kept = f" ({others} other settings are kept, comments are not)" if others else ""
    if exists and not answers.force:
        if not wizard.interactive:
            raise CliError(USAGE, f"{file} exists: --force replaces the role and the ports in it")
        if not wizard.agrees(f"Replace {file}{kept}?"):
            raise CliError(ERROR, "nothing was written")
    write_config(file, values, replace=exists)
    say(f"Wrote {file}{kept}.")


def _says(file: Path) -> dict[str, Any]:
    try:
        return read_toml(file)
    except ConfigError:
        return {}


def _tailscale() -> TailscaleStatus:
    return asyncio.run(tailscale_status())


def _say_tailscale(found: TailscaleStatus) -> None:
    if found.running:
        others = f"{len(found.peers_v4)} other machines are online" if found.peers_v4 else "no other machine is online"
        say(f"Tailscale: running as {', '.join(found.self_ips)}; {others}.")
        return
    say(f"Tailscale: {found.reason}.")
    say("  It is not needed on one machine or one network: the beacon is broadcast there. Anywhere")
    say("  else give the trader the controller's address: arb run trader --url ws://HOST:9001")
