"""One key at a time from a terminal, without Enter; the terminal is put back as it was, whatever happens."""

from __future__ import annotations

import os
import sys
import termios
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

END: Final = ""
"""Read where nothing more can come: the terminal is gone, or Ctrl-D was pressed."""

NO_ANSWER: Final = "?"

_CTRL_D: Final = b"\x04"
_ESCAPE: Final = b"\x1b"
_MOST: Final = 16


def on_terminal() -> bool:
    """Whether a person can read and type here."""
    return sys.stdin.isatty() and sys.stdout.isatty()


@contextmanager
def single_keys() -> Iterator[None]:
    """Within, a key is read when it is pressed. Ctrl-C still is what it is everywhere."""
    file = sys.stdin.fileno()
    before = termios.tcgetattr(file)
    try:
        tty.setcbreak(file)
        yield
    finally:
        termios.tcsetattr(file, termios.TCSADRAIN, before)


def settle(seconds: float) -> None:
    """Let so much time pass, and throw away what was typed until then: it was meant for what was shown before."""
    time.sleep(seconds)
    termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)


def read_key() -> str:
    """The next key in lower case; :data:`NO_ANSWER` for an arrow and its like; :data:`END` at the end."""
    try:
        pressed = os.read(sys.stdin.fileno(), 1)
        if pressed == _ESCAPE:
            # An arrow or a function key comes as several bytes: none of them is an answer.
            os.read(sys.stdin.fileno(), _MOST)
            return NO_ANSWER
    except OSError:
        return END
    if not pressed or pressed == _CTRL_D:
        return END
    return pressed.decode("ascii", "replace").lower()
