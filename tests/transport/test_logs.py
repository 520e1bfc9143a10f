"""One event a line, for people and for programs; no secret in it, and no stream that can stop the program."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ground.project import ROOT
from transport import logs
from transport.logs import LineHandler, Scrubber, add_secret, log_event, setup_logging

TEXT_LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (debug|info|warning|error) +\[(\w+)\] (.*)")
NAMES = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True).filter(
    lambda name: name not in {"component", "level", "text"}
)
VALUES = st.text(max_size=30) | st.integers() | st.decimals() | st.floats() | st.booleans() | st.binary(max_size=5)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def logging_as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("arb")
    handlers, levels = list(root.handlers), (root.level, ours.level)
    monkeypatch.setattr(logs, "_scrubber", Scrubber())
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


def logged(*, as_json: bool = False) -> io.StringIO:
    stream = io.StringIO()
    setup_logging(level="debug", as_json=as_json, stream=stream)
    return stream


def test_a_line_for_a_person() -> None:
    stream = logged()
    log_event("HYBRID", "info", "leg out", leg_id="L-1", pair_id="nba", path="remote", price=Decimal("52.5"))
    found = TEXT_LINE.fullmatch(stream.getvalue().rstrip("\n"))
    assert found is not None
    assert found.groups()[1:] == ("info", "HYBRID", "leg out leg=L-1 pair=nba path=remote price=52.5")


def test_a_value_with_spaces_is_quoted_and_none_left_out() -> None:
    stream = logged()
    log_event("WS", "warning", "closed", reason='said "no"', peer=None)
    assert stream.getvalue().endswith('closed reason="said \\"no\\""\n')


def test_a_line_for_a_program() -> None:
    stream = logged(as_json=True)
    log_event("REMOTE_EXEC", "error", "no answer", leg_id="L-1", pair_id="nba", after_ms=5000, t="2026")
    line = json.loads(stream.getvalue())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("t"))
    assert line == {
        "level": "error",
        "component": "REMOTE_EXEC",
        "text": "no answer",
        "leg_id": "L-1",
        "pair_id": "nba",
        "after_ms": 5000,
        "data_t": "2026",
    }


@pytest.mark.parametrize("as_json", [False, True])
@given(text=st.text(max_size=60), data=st.dictionaries(NAMES, VALUES, max_size=3))
def test_any_event_is_one_line(text: str, data: dict[str, object], *, as_json: bool) -> None:
    stream = logged(as_json=as_json)
    log_event("WS", "info", text, **data)  # type: ignore[arg-type]  # drawn
    line = stream.getvalue()
    assert line.endswith("\n")
    assert line[:-1].isprintable()
    assert line.encode()
    if as_json:
        assert json.loads(line)["text"] == text


def test_a_peer_cannot_fake_a_line_or_colour_one() -> None:
    stream = logged()
    log_event("WS", "info", "hello\n2026 info [HYBRID] all fine\x1b[2K\r")
    assert stream.getvalue().endswith("[WS] hello\\n2026 info [HYBRID] all fine\\x1b[2K\\r\n")


@pytest.mark.parametrize("as_json", [False, True])
def test_a_text_that_is_too_long_is_cut(*, as_json: bool) -> None:
    stream = logged(as_json=as_json)
    log_event("WS", "info", "x" * 100_000, data="y" * 100_000)
    assert len(stream.getvalue()) < 3 * logs.MAX_LINE


def test_a_level_below_is_not_even_made() -> None:
    class Loud:
        def __str__(self) -> str:
            raise AssertionError("formatted for nothing")

    stream = io.StringIO()
    setup_logging(level="warning", stream=stream)
    log_event("WS", "info", "quiet", value=Loud())
    assert stream.getvalue() == ""


def test_libraries_speak_from_warnings_up_only() -> None:
    stream = logged()
    for name in ("websockets.client", "Thespian", "asyncio"):
        logging.getLogger(name).debug("> Authorization: Bearer hunter2")
        logging.getLogger(name).info("connected")
        logging.getLogger(name).warning("odd: %s", "thing")
    assert [line.split(" ", 2)[2] for line in stream.getvalue().splitlines()] == [
        "[websockets.client] odd: thing",
        "[Thespian] odd: thing",
        "[asyncio] odd: thing",
    ]


def test_an_exception_stays_in_its_line() -> None:
    stream = logged(as_json=True)
    logging.getLogger("asyncio").error("a task failed", exc_info=LookupError("gone"))
    assert "LookupError: gone" in json.loads(stream.getvalue())["text"]


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("secret", ["hunter2", 'quo"te\\back', "caf\u00e9", "a.b*c"])
def test_a_secret_shows_nowhere(secret: str, *, as_json: bool) -> None:
    stream = io.StringIO()
    setup_logging(level="debug", as_json=as_json, stream=stream, secrets=[secret])
    add_secret("second")
    add_secret("")
    log_event("WS", "info", f"token {secret} second", header=f"Bearer {secret}")
    logging.getLogger("websockets").error("bad %s", secret, exc_info=ValueError(secret))
    out = stream.getvalue()
    assert secret not in out
    assert json.dumps(secret)[1:-1] not in out
    assert "second" not in out
    assert out.count("***") >= 5


def test_a_secret_that_begins_a_longer_one_leaves_no_end() -> None:
    assert Scrubber(["ab", "abcd"]).clean("-abcd- ab") == "-***- ***"


def test_colour_is_for_terminals_only(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    setup_logging(stream=stream)
    log_event("WS", "error", "red", leg_id="L")
    assert "\x1b[31merror" in stream.getvalue()
    assert re.match(r"\x1b\[2m\d\d:\d\d:\d\d\.\d{3}\x1b\[0m ", stream.getvalue())
    for variable, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        with monkeypatch.context() as patch:
            patch.setenv(variable, value)
            plain = Terminal()
            setup_logging(stream=plain)
            log_event("WS", "error", "plain", leg_id="L")
            assert "\x1b" not in plain.getvalue()


def test_a_second_setup_replaces_the_first() -> None:
    first, second = io.StringIO(), io.StringIO()
    setup_logging(stream=first)
    setup_logging(stream=second)
    log_event("WS", "info", "once")
    assert first.getvalue() == ""
    assert second.getvalue().count("once") == 1


def handler() -> LineHandler:
    return next(found for found in logging.getLogger().handlers if isinstance(found, LineHandler))


class Broken(io.StringIO):
    def write(self, _text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_stream_that_fails_loses_the_line_and_counts_it() -> None:
    setup_logging(stream=Broken())
    log_event("WS", "info", "lost")
    assert handler().lost == 1


def test_a_closed_stream_and_a_bad_datum_lose_the_line_too() -> None:
    class Bad:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    stream = logged()
    log_event("WS", "info", "lost", value=Bad())
    # To our handler alone: pytest's own rightly complains of such a record.
    handler().handle(logging.makeLogRecord({"msg": "%d", "args": ("no number",)}))
    stream.close()
    log_event("WS", "info", "lost")
    assert handler().lost == 3


@pytest.mark.parametrize("close", ["reader", "stderr"])
def test_a_process_whose_stderr_is_gone_works_on_and_ends_well(close: str) -> None:
    program = (
        "from transport.logs import log_event, setup_logging\n"
        "setup_logging()\n"
        "for number in range(1000):\n"
        "    log_event('WS', 'info', 'x' * 1000)\n"
        "print('done')\n"
    )
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-c", program]
    if close == "stderr":
        command = ["/bin/sh", "-c", 'exec "$@" 2>&-', "sh", *command]
    try:
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=writing, timeout=60, check=False)
    finally:
        os.close(writing)
    assert (done.returncode, done.stdout) == (0, b"done\n")
