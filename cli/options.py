"""The flags of `arb`, each declared once. Their values stay text: the settings judge them, with one voice."""

from __future__ import annotations

from typing import Annotated

import typer

Bind = Annotated[
    list[str] | None,
    typer.Option("--bind", metavar="HOST:PORT", help="Listen here; may be repeated. Default: this machine, port 9001."),
]
Pairs = Annotated[
    str | None, typer.Option("--pairs", metavar="FILE|approved", help="The pairs to watch: a file, or those approved.")
]
Feed = Annotated[
    str | None,
    typer.Option("--feed", metavar="sim|replay:FILE|live", help="Where market data comes from. Default: sim."),
]
Relay = Annotated[
    str | None,
    typer.Option(
        "--relay", metavar="none|sim|replay:FILE|live", help="Books to relay to the controller. Default: none."
    ),
]
Local = Annotated[
    str | None,
    typer.Option("--local", metavar="P,P", help="Platforms this controller executes itself. Default: none."),
]
Speed = Annotated[
    str | None, typer.Option("--speed", metavar="X", help="Recording's speed; 1 is life's, 0 as fast as it can.")
]
MinEdge = Annotated[
    str | None, typer.Option("--min-edge", metavar="CENTS", help="Least edge of a contract after fees. Default: 1.")
]
Live = Annotated[
    bool | None,
    typer.Option("--live/--dry-run", help="Trade for real, if the other end does too. Default: dry run."),
]
Rehearsal = Annotated[
    bool | None,
    typer.Option("--rehearsal", help="As if for real, against a Kalshi on this machine and a made-up Polymarket."),
]
LogJson = Annotated[bool | None, typer.Option("--log-json", help="Log one JSON object a line.")]
LogLevel = Annotated[
    str | None, typer.Option("--log-level", metavar="LEVEL", help="debug, info, warning or error. Default: info.")
]
MaxSilence = Annotated[
    str | None,
    typer.Option("--max-silence", metavar="S", help="Books of a feed silent for longer are unusable; 0: no limit."),
]
BeaconPort = Annotated[
    str | None, typer.Option("--beacon-port", metavar="N", help="UDP port of the beacon. Default: 9000.")
]
WsPort = Annotated[
    str | None, typer.Option("--ws-port", metavar="N", help="Port of the controller's WebSocket. Default: 9001.")
]
Dispatch = Annotated[
    str | None,
    typer.Option("--dispatch", metavar="together|first:P", help="Which leg leaves first. Default: all together."),
]
Seed = Annotated[str | None, typer.Option("--seed", metavar="N", help="Seed of the simulated market. Default: 1.")]
MaxContracts = Annotated[
    str | None, typer.Option("--max-contracts", metavar="N", help="Most contracts of one trade. Default: no limit.")
]
Insecure = Annotated[bool | None, typer.Option("--insecure", help="Let anyone connect without a token.")]
ExitAtEnd = Annotated[bool | None, typer.Option("--exit-at-end", help="Stop when the recording has ended.")]
Platform = Annotated[
    str | None, typer.Option("--platform", metavar="P,P", help="Platforms this trader executes. Default: all.")
]
Url = Annotated[
    str | None, typer.Option("--url", metavar="ws://..", help="The controller. Default: found by its beacon.")
]
Venue = Annotated[
    str | None,
    typer.Option("--venue", metavar="paper|live", help="Where orders go. Default: paper, a simulated venue."),
]
OneShot = Annotated[bool | None, typer.Option("--one-shot", help="End after the first leg was answered.")]
MaxLegNotional = Annotated[
    str | None,
    typer.Option("--max-leg-notional", metavar="USD", help="Refuse a leg that could cost more. Default: 1000."),
]
Name = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="Name of this trader among several on one machine.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
