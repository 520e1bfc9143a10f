"""The `arb` command: reads the flags, loads the settings, hands both to the command's own module.

Nothing heavy is imported here, so that `--help` answers at once: a command imports what it needs when it runs.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup

from cli import options
from cli.entry import end_quietly_until_started
from cli.error import CliError
from cli.exchange_commands import exchange_app
from cli.exit_codes import CONFIGURATION, OK, USAGE
from cli.ledger_commands import ledger_app
from cli.output import complain, say
from cli.pairs_commands import pairs_app
from cli.risk_commands import add_to
from config.error import ConfigError

if TYPE_CHECKING:
    from config.settings import Settings

_ORDER: Final = (
    "run", "status", "doctor", "halt", "reduce", "resume", "confirm", "ledger", "pairs", "demo", "record", "replay",
    "simulate", "exchange", "bootstrap", "version", "controller", "trader",
)  # fmt: skip


class _Commands(TyperGroup):
    """The commands in the order in which a newcomer needs them."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 -- typer has moved the class between versions
        """Return the names as `arb --help` lists them."""
        names = super().list_commands(ctx)
        return [*(name for name in _ORDER if name in names), *(name for name in names if name not in _ORDER)]

    def get_help_option(self, ctx: Any) -> Any:  # noqa: ANN401 -- the same
        """Return the group's `--help`, off rather than None where it is not given."""
        option = super().get_help_option(ctx)
        if option is not None:
            # For a None typer builds a validator, and loads pydantic for it: twice the time of `arb status --help`.
            option.default = False
        return option


app = typer.Typer(
    name="arb",
    cls=_Commands,
    help="Arbitrage between prediction markets: a controller detects, traders on other machines execute.",
    epilog="Exit codes: 0 ok, 1 error, 2 usage, 3 not running, 4 configuration, 5 timeout.",
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
add_to(app)
run_app = typer.Typer(cls=_Commands, rich_markup_mode=None, invoke_without_command=True)
app.add_typer(run_app, name="run", short_help="Start a controller or a trader.")
app.add_typer(exchange_app, name="exchange", cls=_Commands, short_help="An exchange on this machine, to rehearse on.")
app.add_typer(ledger_app, name="ledger", cls=_Commands, short_help="Show trades, positions, profit and loss.")
app.add_typer(pairs_app, name="pairs", cls=_Commands, short_help="Find markets that are the same question.")


def main() -> None:
    """Run `arb` and exit with its code; what is expected to go wrong is one sentence on stderr, no traceback."""
    end_quietly_until_started()
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets a "?" instead of an error.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app(prog_name="arb")
    except CliError as error:
        complain(error.text)
        sys.exit(error.exit_code)
    except ConfigError as error:
        complain(str(error))
        sys.exit(USAGE if error.usage else CONFIGURATION)


def _version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit(OK)


@app.callback()
def arb(
    _show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Do nothing by itself: it carries the flags of `arb` alone."""


@run_app.callback()
def run(context: typer.Context) -> None:
    """Start a controller or a trader; without either word, what the configuration says this machine is."""
    if context.invoked_subcommand is not None:
        return
    settings = _settings({})
    if settings.role is None:
        raise CliError(USAGE, "no role: say `arb run controller` or `arb run trader`, or keep one with `arb bootstrap`")
    _start(settings.role, settings)


@run_app.command("controller", short_help="Detect arbitrage, and send each leg out.")
def run_controller(
    bind: options.Bind = None,
    pairs: options.Pairs = None,
    feed: options.Feed = None,
    local: options.Local = None,
    speed: options.Speed = None,
    min_edge: options.MinEdge = None,
    live: options.Live = None,
    rehearsal: options.Rehearsal = None,
    max_silence: options.MaxSilence = None,
    max_contracts: options.MaxContracts = None,
    seed: options.Seed = None,
    dispatch: options.Dispatch = None,
    beacon_port: options.BeaconPort = None,
    insecure: options.Insecure = None,
    exit_at_end: options.ExitAtEnd = None,
    log_json: options.LogJson = None,
    log_level: options.LogLevel = None,
) -> None:
    """Watch the markets, detect arbitrage, and send each leg to where it is executed."""
    flags = {
        "bind": bind,
        "pairs": pairs,
        "feed": feed,
        "controller_platforms": local,
        "speed": speed,
        "min_edge_cents": min_edge,
        "live": live,
        "rehearsal": rehearsal or None,
        "max_silence_s": max_silence,
        "max_contracts": max_contracts,
        "seed": seed,
        "dispatch": dispatch,
        "beacon_port": beacon_port,
        "insecure": insecure or None,
        "exit_at_end": exit_at_end or None,
        "log_json": log_json or None,
        "log_level": log_level,
    }
    _start("controller", _settings(flags))


@run_app.command("trader", short_help="Execute what the controller sends.")
def run_trader(
    platform: options.Platform = None,
    url: options.Url = None,
    venue: options.Venue = None,
    one_shot: options.OneShot = None,
    live: options.Live = None,
    rehearsal: options.Rehearsal = None,
    max_leg_notional: options.MaxLegNotional = None,
    name: options.Name = None,
    relay: options.Relay = None,
    beacon_port: options.BeaconPort = None,
    log_json: options.LogJson = None,
    log_level: options.LogLevel = None,
) -> None:
    """Connect to the controller, execute the legs it sends, and report what was filled."""
    flags = {
        "platforms": platform,
        "websocket_url": url,
        "venue": venue,
        "one_shot": one_shot or None,
        "live": live,
        "rehearsal": rehearsal or None,
        "max_leg_notional_usd": max_leg_notional,
        "name": name,
        "feeds_relay": relay,
        "beacon_port": beacon_port,
        "log_json": log_json or None,
        "log_level": log_level,
    }
    _start("trader", _settings(flags))


@app.command(short_help="Write down what a venue sends.")
def record(
    platform: Annotated[str, typer.Argument(metavar="PLATFORM", help="kalshi or polymarket")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, .jsonl or .jsonl.gz.")],
    market: Annotated[
        list[str] | None,
        typer.Option("--market", metavar="TICKER", help="Or token. Again for each. Default: those of --pairs."),
    ] = None,
    pairs: options.Pairs = None,
    seconds: Annotated[int | None, typer.Option("--seconds", min=1, metavar="N", help="Default: until Ctrl-C.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """Write a capture file of a venue's market data as it comes; `arb replay` and --feed replay:FILE read it."""
    from cli.record import run as run_record

    _finish(run_record(_settings({"pairs": pairs}), platform, file, market or [], seconds=seconds, as_json=as_json))


@app.command(short_help="Find the opportunities in a recording.")
def replay(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A recording (.jsonl or .jsonl.gz).")],
    pairs: options.Pairs = None,
    min_edge: options.MinEdge = None,
    max_silence: options.MaxSilence = None,
    trade: Annotated[bool, typer.Option("--trade", help="Trade what is found on simulated venues too.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Find the opportunities in a recording, offline; with --json one object a line."""
    from cli.replay import run as run_replay

    flags = {"feed": f"replay:{file}", "pairs": pairs, "min_edge_cents": min_edge, "max_silence_s": max_silence}
    settings = _settings(flags)
    if settings.pairs is None:
        raise CliError(USAGE, "--pairs FILE is missing: it says which markets belong together")
    _finish(run_replay(settings, as_json=as_json, trade=trade))


@app.command(short_help="Show it all on this machine; ends by itself.")
def demo(
    seconds: Annotated[
        int | None, typer.Option("--seconds", min=1, max=3600, metavar="N", help="How long it runs.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, metavar="N", help="Another seed, another market.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Show it all on this machine: a controller and two traders, simulated market; ends by itself."""
    from cli.demo import run as run_demo

    _finish(run_demo(seconds=seconds, seed=seed, as_json=as_json))


@app.command(short_help="Run whole worlds in a box, and check every invariant.")
def simulate(
    seeds: Annotated[str | None, typer.Option("--seeds", metavar="A..B", help="Which worlds. Default: 0..199.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, metavar="S", help="One world, to look into it.")] = None,
    minutes: Annotated[float, typer.Option("--minutes", metavar="M", help="Simulated minutes of each.")] = 10.0,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, max=256, metavar="N", help="Processes. Default: one a core.")
    ] = None,
    scenario: Annotated[
        Path | None, typer.Option("--scenario", metavar="FILE", help="One world, as --json has printed it.")
    ] = None,
    trace: Annotated[bool, typer.Option("--trace", help="Of one world: print all that happens in it.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Run the real actors in simulated worlds full of faults; a violation is shrunk, and its story told."""
    from cli.simulate import MOST_MINUTES, read_scenario, read_seeds, run_many, run_one
    from simulation.world.scenario import Scenario

    if not 0 < minutes <= MOST_MINUTES:
        raise CliError(USAGE, f"--minutes must be above 0 and at most {MOST_MINUTES}")
    if sum(each is not None for each in (seeds, seed, scenario)) > 1:
        raise CliError(USAGE, "--seeds, --seed and --scenario exclude each other")
    if scenario is not None:
        _finish(run_one(read_scenario(scenario), trace=trace, as_json=as_json))
    if seed is not None:
        _finish(run_one(Scenario.draw(seed, minutes), trace=trace, as_json=as_json))
    if trace:
        raise CliError(USAGE, "--trace needs --seed or --scenario: say which world")
    _finish(run_many(read_seeds(seeds or "0..199"), minutes=minutes, jobs=jobs, as_json=as_json))


@app.command(short_help="Set this machine up, question by question.")
def bootstrap(
    role: Annotated[
        str | None, typer.Option("--role", metavar="controller|trader", help="What this machine will be.")
    ] = None,
    beacon_port: options.BeaconPort = None,
    ws_port: options.WsPort = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Take the default of every question.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a configuration that exists.")] = False,
    start: Annotated[
        bool | None, typer.Option("--start/--no-start", help="Start it at the end, or do not ask.")
    ] = None,
) -> None:
    """Set this machine up: check Tailscale, ask the role, write the configuration, offer to start."""
    from cli.bootstrap import Answers
    from cli.bootstrap import run as run_bootstrap

    answers = Answers(role=role, beacon_port=beacon_port, ws_port=ws_port, yes=yes, force=force, start=start)
    started = run_bootstrap(answers)
    if started is not None:
        _start(started, _settings({}))


@app.command(short_help="Ask what runs here how it is.")
def status(
    role: Annotated[
        str | None, typer.Option("--role", metavar="controller|trader", help="Ask only these. Default: all.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Ask what runs on this machine how it is: connections, feeds, trades, positions, counters."""
    from cli.status import run as run_status

    _finish(run_status(role=role, as_json=as_json))


@app.command(short_help="Try a venue's key, clock, cash and limits.")
def doctor(
    platform: Annotated[str, typer.Argument(metavar="PLATFORM", help="kalshi or polymarket")],
    market: Annotated[
        str | None,
        typer.Option("--market", metavar="TICKER", help="Or token: whose book to read. Default: any open market."),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Try what trading on a venue needs, without any order; exit code 1 where something is wrong."""
    from cli.doctor import run as run_doctor

    _finish(run_doctor(_settings({}), platform, market=market, as_json=as_json))


@app.command("version")
def version() -> None:
    """Print the version."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        say(f"arb {installed('arb')}")
    except PackageNotFoundError:
        say("arb (from a checkout that is not installed)")


def _settings(flags: Mapping[str, object]) -> Settings:
    from config.load import load_settings

    return load_settings(flags)


def _start(role: str, settings: Settings) -> None:
    """Run the process of a role to its end."""
    if role == "controller":
        from cli.run_controller import run as start
    else:
        from cli.run_trader import run as start
    _finish(start(settings))


def _finish(exit_code: int) -> None:
    raise typer.Exit(exit_code)


if __name__ == "__main__":
    main()
