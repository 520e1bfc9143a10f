"""Single keys from a terminal: what counts as one, what ends it, and what is thrown away."""

from __future__ import annotations

import os
import pty
import termios
from collections.abc import Iterator

import pytest

from cli.keys import END, NO_ANSWER, read_key, settle, single_keys


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Whoever writes here types; what the program reads is the other end."""
    master, slave = pty.openpty()
    with os.fdopen(slave, "r+b", buffering=0) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        yield master
    os.close(master)


def test_a_key_is_read_without_enter_and_the_terminal_is_put_back(terminal: int) -> None:
    before = termios.tcgetattr(terminal)
    with single_keys():
        assert termios.tcgetattr(terminal) != before
        os.write(terminal, b"aR")
        assert (read_key(), read_key()) == ("a", "r")
    assert termios.tcgetattr(terminal) == before


def test_an_arrow_is_no_answer_and_ctrl_d_is_the_end(terminal: int) -> None:
    with single_keys():
        os.write(terminal, b"\x1b[A")
        assert read_key() == NO_ANSWER
        os.write(terminal, b"\x04")
        assert read_key() == END


def test_what_was_typed_too_early_is_thrown_away(terminal: int) -> None:
    with single_keys():
        os.write(terminal, b"a")
        settle(0.01)
        os.write(terminal, b"q")
        assert read_key() == "q"
