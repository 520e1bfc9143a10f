"""`arb`, with crash points: ``python -m tests.e2e.crash_main run trader ...``.

``CRASH_TRACE`` names the file to which every point reached is appended, ``CRASH_AT`` the point at which the process
kills itself, ``CRASH_HOLD`` the point that the recording waits for, ``CRASH_SLOW_MS`` how long a write of the ledger
takes, ``CRASH_STILL_MS`` after how long Polymarket lists every order. With the word ``serve`` alone it starts such
processes itself, each in a fork, so that a hundred of them do not import the same modules a hundred times: a line of
JSON in (:class:`tests.e2e.crash_processes.Nursery` writes it), the new process id out.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import cli.main
import cli.run_controller
import cli.run_trader
import transport.kalshi.live
import transport.polymarket.live
import transport.polymarket.lookup
from tests.e2e.crash_points import Points
from transport.feeds.port import Deliver
from transport.feeds.replay import ReplayFeed


def arb() -> None:
    """Run `arb` as the environment says."""
    slow_ms = int(os.environ.get("CRASH_SLOW_MS", "0"))
    points = Points(Path(os.environ["CRASH_TRACE"]), os.environ.get("CRASH_AT"), slow_ms)
    points.install()
    if still_ms := os.environ.get("CRASH_STILL_MS"):
        # A Polymarket on this machine does not lag, and a hundred cases do not wait ten seconds each.
        setattr(transport.polymarket.lookup, "STILL_US", int(still_ms) * 1_000)  # noqa: B010 -- it is final
    name, _, times = os.environ["CRASH_HOLD"].partition("#")
    hold_the_feed(points, name, int(times))
    cli.main.main()


def hold_the_feed(points: Points, name: str, times: int) -> None:
    """The recording begins when all traders are ready, or its arbs would be over before."""
    play = ReplayFeed.run

    async def run(feed: ReplayFeed, deliver: Deliver) -> None:
        loop, there = asyncio.get_running_loop(), asyncio.Event()
        points.when(name, times, lambda: loop.call_soon_threadsafe(there.set))
        await there.wait()
        await play(feed, deliver)

    setattr(ReplayFeed, "run", run)  # noqa: B010 -- mypy lets no method be assigned


def serve() -> None:
    """Start what is asked for until the input ends."""
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            become(asked)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


def become(asked: dict[str, Any]) -> None:
    """In the fork: be that process, from its start to its end."""
    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ.clear()
        os.environ.update(asked["env"])
        sys.argv = ["arb", *asked["words"]]
        arb()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        raise
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    else:
        arb()
