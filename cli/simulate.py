"""`arb simulate`: whole worlds in a box, seed after seed, and every invariant checked in each."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path
from typing import Any, Final

import msgspec

from cli.error import CliError
from cli.exit_codes import ERROR, OK, USAGE
from cli.output import complain, say
from simulation.world.hunt import Finding, Total, explain, run_seeds
from simulation.world.scenario import Scenario
from simulation.world.timeline import story
from simulation.world.trace import Trace
from simulation.world.world import Result, World

MOST_SEEDS: Final = 10_000_000
MOST_MINUTES: Final = 100_000
MOST_BYTES: Final = 1_000_000
EXPLAINED: Final = 3
"""Violations that are shrunk and told; the others are named."""

_RANGE: Final = re.compile(r"(\d{1,9})(?:\.\.(\d{1,9}))?")
_PROGRESS_S: Final = 5.0


def read_seeds(text: str) -> range:
    """Read ``A..B`` (both included) or a single seed."""
    found = _RANGE.fullmatch(text.strip())
    if found is None:
        raise CliError(USAGE, f"--seeds is A..B, such as 0..199, or one seed, not {text!r}")
    first, last = int(found[1]), int(found[2] or found[1])
    if last < first or last - first >= MOST_SEEDS:
        raise CliError(
            USAGE, f"--seeds {text}: the last seed must not be below the first, and at most {MOST_SEEDS} run"
        )
    return range(first, last + 1)


def run_many(seeds: range, *, minutes: float, jobs: int | None, as_json: bool) -> int:
    """Run the seeds and print what they held; 1 where an invariant was broken. Ctrl-C prints what is done so far."""
    whole, broken, stopped = Total(), [], False
    progress = _Progress(len(seeds))
    results = run_seeds(seeds, minutes=minutes, jobs=jobs or os.cpu_count() or 1)
    try:
        for result in results:
            whole.add(result)
            if result.violation is not None:
                broken.append(result)
            progress.show(whole)
    except KeyboardInterrupt:
        stopped = True
    finally:
        results.close()
        progress.clear()
    findings = [] if stopped else _explained(broken, minutes)
    seconds = progress.seconds()
    if as_json:
        say(_json(whole, broken, findings, seconds, stopped=stopped))
    else:
        _print(whole, broken, findings, seconds)
    if stopped:
        complain(f"stopped after {number_of(whole.seeds, 'seed')} of {len(seeds)}")
    return ERROR if broken or stopped else OK


def read_scenario(path: Path) -> Scenario:
    """Read a world from a file: a scenario as `--json` prints it, by itself or as ``scenario`` of a document."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CliError(USAGE, f"--scenario {path}: a scenario has at most {MOST_BYTES} bytes")
        document = msgspec.json.decode(path.read_bytes())
        found = document.get("scenario", document) if isinstance(document, dict) else document
        scenario = msgspec.convert(found, Scenario)
    except OSError as error:
        raise CliError(USAGE, f"--scenario {path}: {error.strerror}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CliError(USAGE, f"--scenario {path} is not what `arb simulate --seed S --json` prints: {error}") from None
    if not 0 < scenario.minutes <= MOST_MINUTES:
        raise CliError(USAGE, f"--scenario {path}: minutes must be above 0 and at most {MOST_MINUTES}")
    return scenario


def run_one(scenario: Scenario, *, trace: bool, as_json: bool) -> int:
    """Run one world; with ``trace`` print every line of it. 1 where an invariant was broken."""
    lines = Trace()
    result = World(scenario, trace=lines).run()
    if as_json:
        document: dict[str, Any] = {"result": msgspec.to_builtins(result), "scenario": msgspec.to_builtins(scenario)}
        if trace:
            document["trace"] = [line._asdict() for line in lines.lines]
        say(msgspec.json.encode(document).decode())
        return OK if result.violation is None else ERROR
    if trace:
        for line in lines.lines:
            say(str(line))
    else:
        say(story(scenario, [], ""))
    _print_result(result)
    if result.violation is not None and not trace:
        found = explain(scenario)
        if found is not None:
            _print_finding(found)
    return OK if result.violation is None else ERROR


def number_of(number: int, noun: str, plural: str | None = None) -> str:
    """Return ``1 seed`` or ``1,200 seeds``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def _explained(broken: list[Result], minutes: float) -> list[Finding]:
    first = sorted(broken, key=lambda result: result.seed)[:EXPLAINED]
    if first:
        complain(f"{number_of(len(broken), 'seed')} broke an invariant: shrinking {len(first)} of them")
    return [found for result in first if (found := explain(Scenario.draw(result.seed, minutes))) is not None]


def _print(whole: Total, broken: list[Result], findings: list[Finding], seconds: float) -> None:
    say(_sums(whole, seconds))
    if whole.counts:
        say("faults    " + ", ".join(f"{name} {number}" for name, number in whole.counts.items()))
    for finding in findings:
        _print_finding(finding)
    named = {finding.seed for finding in findings}
    for result in sorted(broken, key=lambda each: each.seed):
        if result.violation is not None and result.seed not in named:
            say(f"seed {result.seed}: {result.violation.invariant}: {result.violation.text}")
    say("every invariant held" if not broken else f"{number_of(len(broken), 'seed')} broke an invariant")


def _sums(whole: Total, seconds: float) -> str:
    hours = whole.simulated_us / 3.6e9
    return (
        f"{number_of(whole.seeds, 'seed')}, {hours:.1f} simulated hours in {seconds:.1f} s: "
        f"{number_of(whole.trades, 'trade')}, "
        f"{number_of(whole.orders, 'order')}, {number_of(whole.frames, 'frame')}, {number_of(whole.faults, 'fault')}, "
        f"{number_of(whole.crashes, 'crash', 'crashes')}, {number_of(whole.cuts, 'cut')}"
    )


def _print_result(result: Result) -> None:
    say(
        f"seed {result.seed}: {number_of(result.trades, 'trade')}, {number_of(result.orders, 'order')}, "
        f"{number_of(result.faults, 'fault')}, {number_of(result.crashes, 'crash', 'crashes')}; trace {result.digest}"
    )
    if result.violation is None:
        say("every invariant held")
    else:
        say(f"BROKEN at {result.violation.at_us / 1e6:.3f} s: {result.violation.invariant}: {result.violation.text}")


def _print_finding(finding: Finding) -> None:
    say("")
    say(f"seed {finding.seed} broke {finding.violation.invariant!r} at {finding.violation.at_us / 1e6:.3f} s")
    say(f"  {finding.violation.text}")
    say(f"the shortest history found in {finding.runs} runs:")
    say(finding.story)


def _json(whole: Total, broken: list[Result], findings: list[Finding], seconds: float, *, stopped: bool) -> str:
    document = {
        **msgspec.to_builtins(whole),
        "seconds": round(seconds, 3),
        "stopped": stopped,
        "broken": [{"seed": each.seed, **msgspec.to_builtins(each.violation)} for each in broken],
        "findings": msgspec.to_builtins(findings),
    }
    return msgspec.json.encode(document).decode()


class _Progress:
    """A line on stderr that a person at a terminal sees change; nobody else sees it."""

    def __init__(self, seeds: int) -> None:
        self.seeds = seeds
        self.began = self.shown = time.monotonic()
        self.visible = sys.stderr.isatty()

    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.began

    def show(self, whole: Total) -> None:
        """Every few seconds."""
        if self.visible and time.monotonic() - self.shown >= _PROGRESS_S:
            self.shown = time.monotonic()
            broken = f", {whole.violations} broke an invariant" if whole.violations else ""
            sys.stderr.write(f"\r{whole.seeds} of {self.seeds} seeds, {whole.trades} trades{broken}\x1b[K")
            sys.stderr.flush()

    def clear(self) -> None:
        """Remove the line."""
        if self.visible:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
