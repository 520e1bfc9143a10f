"""Where the `arb` command begins: before anything is imported that takes time, Ctrl-C ends quietly.

A process that runs takes its signals itself and ends in order. Until then nothing is open, or only what a death at any
moment leaves as it should be; a KeyboardInterrupt in the middle of an import would show the insides of whatever was
just being imported.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import FrameType

TOO_EARLY: Final = b"arb: stopped before anything was started\n"


def main() -> None:
    """Run `arb`."""
    end_quietly_until_started()
    from cli.main import main as run

    run()


def end_quietly_until_started() -> None:
    """Have Ctrl-C end `arb run ...` at once with exit code 0, as it does later on, until the process takes it.

    An ignored Ctrl-C stays ignored: that is how a shell starts what runs in its background.
    """
    if sys.argv[1:2] in (["run"], ["exchange"]) and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def _end(_number: int, _frame: FrameType | None) -> None:
    # Not by an exception: an import that is under way could swallow it, or turn it into another one.
    os.write(2, TOO_EARLY)
    os._exit(0)
