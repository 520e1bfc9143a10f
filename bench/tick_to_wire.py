"""Figure 1: from a frame of market data on one socket to both orders written to two traders' sockets.

The controller is the real process, with its link server, actors, books and detection, on the loop and under the
garbage collector's settings of `arb run controller`. Venues and traders are raw WebSockets in another process
(`bench/tick_peer.py`), or inside the same one. Before every tick an echo of the same library on the same loop is
measured between the two processes, and one inside the controller's own: the cheapest round trip there is.
"""

from __future__ import annotations

import os
from typing import Any, Final

from bench.figure import Figure, Row, percentile, row
from bench.sizes import Sizes
from bench.stamps import STAGES
from bench.tick_peer import Plan
from bench.tick_process import Measured, TickProcess, keep_to, own_cpus
from cli.processes import run_loop
from transport.logs import setup_logging

AIM: Final = 2.0
"""Times the echo over the same kind of sockets, at the median."""

QUIET_S: Final = 0.002

Rounds = list[list[int]]


def measure(sizes: Sizes) -> Figure:
    """Venues and traders in another process, as they are in life. Takes over this one: its loop, log and processor."""
    ours, theirs = own_cpus()
    keep_to(ours)
    return _measure("tick_to_wire", _plan(sizes, cpu=theirs))


def measure_quiet(sizes: Sizes) -> Figure:
    """The same with a pause before every sample, in which the machine has gone to sleep."""
    ours, theirs = own_cpus()
    keep_to(ours)
    return _measure("tick_to_wire_quiet", _plan(sizes, ticks=sizes.quiet_ticks, pause_s=QUIET_S, cpu=theirs))


def measure_inside(sizes: Sizes) -> Figure:
    """All in one process: no write wakes anybody, on the way of a tick as on that of an echo."""
    return _measure("tick_to_wire_one_process", _plan(sizes, apart=False))


def _plan(sizes: Sizes, **others: Any) -> Plan:
    values = {"pairs": sizes.tick_pairs, "rounds": sizes.rounds, "ticks": sizes.ticks, "warm_up": sizes.warm_up}
    return Plan(**{**values, **others})


def _measure(name: str, plan: Plan) -> Figure:
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 -- no path, a device
        setup_logging(level="info", stream=nowhere)  # lines are made as always, and thrown away
        process = TickProcess(plan)
        run_loop(process.run())
    return _figure(name, plan, process.rounds)


def _figure(name: str, plan: Plan, rounds: list[Measured]) -> Figure:
    for each in rounds:
        if len(each.ticks) != plan.ticks:
            raise RuntimeError(f"{len(each.ticks)} of {plan.ticks} ticks left as two legs")
    inside = [each.inside for each in rounds]
    between = [each.peer.echoes for each in rounds]
    from_text = [[tick[-2] - tick[1] for tick in each.ticks] for each in rounds]
    from_read = [[tick[-2] - tick[0] for tick in each.ticks] for each in rounds]
    echo, floor = ("echo between the processes", between) if plan.apart else ("echo", inside)
    rows = [
        *_percentiles(f"{echo} (floor)", floor),
        *_percentiles("text handed over, to both orders written", from_text),
        *_percentiles("bytes read, to both orders written", from_read),
        _ratio(f"text to wire / {echo}", from_text, floor),
        _ratio(f"bytes to wire / {echo}", from_read, floor),
    ]
    reached = rows[-2].spread.middle <= AIM
    if plan.apart:
        outside = [each.peer.ticks for each in rounds]
        rows += [
            *_percentiles("venue's send, to both orders read by the traders", outside),
            _ratio(f"venue to traders / {echo}", outside, between),
            *_percentiles("echo inside the controller's process", inside),
            _ratio("text to wire / echo inside the controller's process", from_text, inside),
        ]
    aim = f"text to wire at most {AIM:g} times the echo, p50"
    conditions = {
        "pairs": plan.pairs,
        "ticks_a_round": plan.ticks,
        "pause_ms": plan.pause_s * 1_000,
        "processes": 2 if plan.apart else 1,
        "a_cpu_each": plan.cpu is not None,
    }
    return Figure(name=name, aim=aim, reached=reached, rows=(*rows, *_stages(rounds)), conditions=conditions)


def _percentiles(what: str, rounds: Rounds) -> list[Row]:
    return [
        row(f"{what}: {name}", "us", [percentile(samples, share) / 1_000 for samples in rounds])
        for name, share in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))
    ]


def _ratio(what: str, samples: Rounds, floors: Rounds) -> Row:
    pairs = zip(samples, floors, strict=True)
    return row(f"{what}: p50", "x", [percentile(one, 0.5) / percentile(floor, 0.5) for one, floor in pairs])


def _stages(rounds: list[Measured]) -> list[Row]:
    return [
        row(f"stage {number}, {name}: p50", "us", [_between(each, number) for each in rounds])
        for number, name in enumerate(STAGES, 1)
    ]


def _between(measured: Measured, number: int) -> float:
    return percentile([tick[number] - tick[number - 1] for tick in measured.ticks], 0.5) / 1_000
