"""`arb demo`: the whole split on one machine, as real processes over real sockets; only the market is made up."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Self

from cli.error import CliError
from cli.exit_codes import ERROR, OK, TIMEOUT
from cli.output import Style, cut, say, say_json, stdout_style, terminal_width
from config.home import ArbHome
from transport.status_client import StatusError, ask

SECONDS: Final = 20
START_S: Final = 20.0
STOP_S: Final = 15.0
POLL_S: Final = 0.1
PLATFORMS: Final = ("kalshi", "polymarket")
VICTIM: Final = "polymarket"

Record = Mapping[str, Any]


def run(*, seconds: int | None, seed: int | None, as_json: bool) -> int:
    """Show it; returns the exit code: 0 only when every process came up and ended in order, and the sums agree."""
    view = View(stdout_style(), terminal_width(), quiet=as_json)
    length = SECONDS if seconds is None else seconds
    with tempfile.TemporaryDirectory(prefix="arb-demo-") as folder, Crew(Path(folder), seed or 1) as crew:
        view.opening(length)
        try:
            crew.start()
            view.crew(crew)
            document = perform(crew, view, length)
            ended = crew.stop()
        except KeyboardInterrupt:
            view.say("\nstopping, as asked")
            document, ended = crew.status(), crew.stop()
    problems = [
        *check(document, length),
        *(f"{name} ended with exit code {code}" for name, code in ended.items() if code),
    ]
    if as_json:
        say_json({"ok": not problems, "problems": problems, "seconds": length, "status": document})
    view.summary(document, problems)
    return ERROR if problems else OK


def perform(crew: Crew, view: View, length: int) -> Record:
    """Let it run; half-way one trader is killed, and comes back some seconds later."""
    begin = time.monotonic()
    script = [(length * 0.5, crew.kill), (length * 0.7, crew.revive)]
    while (at := time.monotonic() - begin) < length:
        if script and at >= script[0][0]:
            view.event(at, script.pop(0)[1](VICTIM))
        view.show(at, crew.status())
        time.sleep(POLL_S)
    # A machine that is slow may still be starting the trader that comes back.
    document = crew.status() if script else crew.wait_for_paths("the trader that was killed")
    view.show(at, document)
    return document


def check(document: Record, length: int) -> list[str]:
    """The sums once more, from the legs: what the demo says must be true."""
    if "totals" not in document:
        return ["the controller gave no status"]
    problems = []
    totals = document["totals"]
    legs = [leg for trade in document["recent_trades"] for leg in trade["legs"]]
    locked = sum(
        trade["matched"] - trade["cost_usd"] - trade["fees_usd"]
        for trade in document["recent_trades"]
        if trade["state"] == "hedged"
    )
    if len(document["recent_trades"]) == document["counters"].get("trades_sent", 0):
        if sum(leg["cost_usd"] for leg in legs) != totals["cost_usd"]:
            problems.append("the legs' costs do not add up to the total")
        if locked != totals["edge_locked_usd"]:
            problems.append("the trades' edges do not add up to the total")
    if length >= SECONDS and not document["trades"]["hedged"]:
        problems.append("no trade was hedged")
    if document["trades"]["naked"]:
        problems.append("a trade is naked")
    return problems


class Crew:
    """The processes, in a home of their own; whatever happens, none is left at the end."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.home = ArbHome(folder)
        self.seed = seed
        self.url = ""
        self.beacon_port = _free_udp_port()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.killed: set[str] = set()

    def __enter__(self) -> Self:
        """Nothing is started yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """End what is left."""
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
            process.wait()

    def start(self) -> None:
        """Controller first, on a port that is free; then the traders."""
        self.launch("controller", "controller", "--bind", "127.0.0.1:0", "--feed", "sim", "--seed", str(self.seed))
        document = self.wait_for(lambda found: bool(found.get("addresses")), "the controller")
        self.url = f"ws://{document['addresses'][0]}"
        for platform in PLATFORMS:
            self.launch_trader(platform)
        self.wait_for_paths("both traders")

    def launch_trader(self, platform: str) -> None:
        """One trader for one platform; it is told nothing of the controller and finds it by its beacon."""
        self.launch(platform, "trader", "--platform", platform, "--name", platform)

    def launch(self, name: str, *arguments: str) -> None:
        """One more process of this very `arb`; its log goes to a file."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ARB_")}
        for key in ("CONTROLLER_PLATFORMS", "WEBSOCKET_URL", "DRY_RUN", "ONE_SHOT"):
            environment.pop(key, None)
        environment |= {"ARB_HOME": str(self.home.path), "ARB_BEACON_PORT": str(self.beacon_port)}
        with (self.home.path / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(  # noqa: S603 -- our own interpreter and arguments
                [sys.executable, "-m", "cli.main", "run", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )

    def status(self) -> dict[str, Any]:
        """What the controller says now; an empty document while it says nothing."""
        try:
            return ask(self.home.socket("controller"), {"command": "status"}, 5.0)
        except StatusError:
            return {}

    def wait_for_paths(self, whose: str) -> dict[str, Any]:
        """Poll the controller until a trader for each platform is there."""
        return self.wait_for(lambda found: set(found.get("paths", ())) == set(PLATFORMS), whose)

    def wait_for(self, ready: Callable[[Record], bool], what: str) -> dict[str, Any]:
        """Poll the controller until it is so, within bounds; a process that died ends the wait with its log."""
        give_up = time.monotonic() + START_S
        while time.monotonic() < give_up:
            for name, process in self.processes.items():
                if process.poll() is not None:
                    raise CliError(ERROR, f"{name} did not start:\n{self.log_tail(name)}")
            document = self.status()
            if ready(document):
                return document
            time.sleep(POLL_S)
        raise CliError(TIMEOUT, f"{what} did not come up within {START_S:g} s:\n{self.log_tail('controller')}")

    def log_tail(self, name: str) -> str:
        """The last lines that a process logged."""
        text = (self.home.path / f"{name}.log").read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-8:])

    def kill(self, name: str) -> str:
        """SIGKILL, as a crash would be; says so."""
        self.processes[name].kill()
        self.processes[name].wait()
        return f"SIGKILL to the {name} trader: its arbs must wait for it"

    def revive(self, name: str) -> str:
        """Start it again; says so."""
        self.launch_trader(name)
        return f"the {name} trader is started again"

    def stop(self) -> dict[str, int]:
        """Stop in order, as Ctrl-C would; the exit codes by name."""
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        codes = {}
        for name, process in self.processes.items():
            try:
                codes[name] = process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                codes[name] = TIMEOUT
        return codes


def _cents(leg: Record) -> str:
    """The average price of a fill for a person, or what became of the leg."""
    return str(leg["status"]) if leg["price"] is None else f"{Decimal(leg['price']):.2f}c"


def _free_udp_port() -> int:
    """A port for the demo's own beacon, so that it meets no other controller of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class View:
    """What a person sees: one line for what happens, each with the seconds since the start."""

    def __init__(self, style: Style, width: int, *, quiet: bool) -> None:
        self.style = style
        self.width = width
        self.quiet = quiet
        self.told: set[str] = set()
        self.refused = 0

    def say(self, text: str = "") -> None:
        """One line, unless a program is reading."""
        if not self.quiet:
            say(cut(text, self.width))

    def opening(self, length: int) -> None:
        """What this is."""
        self.say(self.style.strong("arb demo") + f": one controller, two traders, {length} seconds of a made-up market")
        self.say("Real processes, real sockets; simulated prices, paper fills, no key, no money.")
        self.say()

    def crew(self, crew: Crew) -> None:
        """Who plays."""
        for name, process in crew.processes.items():
            role = (
                f"listens on {crew.url}" if name == "controller" else f"executes {name}, found the controller by beacon"
            )
            title = "controller" if name == "controller" else "trader"
            self.say(f"  {title:<10}  pid {process.pid:<7}  {role}")
        self.say()

    def event(self, at: float, text: str) -> None:
        """Something that the demo does itself."""
        self.say(f"{at:6.1f}s  {self.style.alarm('! ' + text)}")

    def show(self, at: float, document: Record) -> None:
        """What is new since the last look."""
        for trade in document.get("recent_trades", ()):
            if trade["trade_id"] not in self.told and trade["state"] in {"hedged", "flat", "naked", "unknown"}:
                self.told.add(trade["trade_id"])
                self.trade(at, trade)
        refused = sum(document.get("aborted", {}).values())
        if refused > self.refused:
            if not self.refused:
                reason = max(document["aborted"], key=document["aborted"].get)
                self.say(f"{at:6.1f}s  an arb is refused, and nothing is sent:")
                self.say(f"         {reason}")
            self.refused = refused

    def trade(self, at: float, trade: Record) -> None:
        """One trade in two lines."""
        legs = " + ".join(f"{leg['side']} {_cents(leg)} {leg['platform']}" for leg in trade["legs"])
        self.say(f"{at:6.1f}s  {trade['pair_id']}: {trade['matched']} x ({legs})")
        if trade["state"] == "hedged":
            text = f"hedged: cost ${trade['cost_usd']}, fees ${trade['fees_usd']}, locked in ${trade['edge_usd']}"
            self.say(self.style.faint(f"         {text}"))
        else:
            self.say(self.style.alarm(f"         {trade['state']}"))

    def summary(self, document: Record, problems: list[str]) -> None:
        """What it came to."""
        totals, trades = document["totals"], document["trades"]
        self.say()
        self.say(self.style.strong("In all"))
        self.say(
            f"  {trades['hedged']} trades hedged, {trades['naked']} naked, {trades['unknown']} unknown, "
            f"{trades['aborted']} arbs refused before anything was sent"
        )
        self.say(f"  {totals['contracts']} contracts for ${totals['cost_usd']} and ${totals['fees_usd']} fees")
        self.say(f"  locked in whatever happens: ${totals['edge_locked_usd']} (simulated)")
        for problem in problems:
            self.say(self.style.alarm(f"  problem: {problem}"))
        if not problems:
            self.say("  every process ended in order; the legs add up to the micro-dollar")
