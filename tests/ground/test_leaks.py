"""The fixture that fails a test for what it leaves behind sees each kind of thing."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading

import pytest

from tests import leaks
from tests.leaks import held, new_since


def test_nothing_new_is_nothing() -> None:
    assert new_since(held()) == []


def test_an_open_socket_is_seen() -> None:
    before = held()
    with socket.socket():
        assert [thing.split(":")[0] for thing in new_since(before)] == ["open socket"]
    assert new_since(before) == []


def test_a_running_thread_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "PATIENCE_S", 0.01)
    before = held()
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name="stays")
    thread.start()
    assert new_since(before) == ["thread 'stays'"]
    end.set()
    thread.join()
    assert new_since(before) == []


def test_a_child_process_is_seen_until_it_was_waited_for() -> None:
    before = held()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert new_since(before) == [f"child process {child.pid}"]
        child.communicate(b"\n")
    assert new_since(before) == []
