"""Log lines: one event a line on stderr, for a person or as JSON, without secrets and without ever failing.

A line for a person is ``time level [COMPONENT] text leg=... pair=... name=value``; its time is local on a terminal and
UTC with the date elsewhere. A JSON line is an object with ``t`` (ISO, UTC, milliseconds), ``level``, ``component``,
``text``, ``leg_id`` and ``pair_id`` where the line concerns one, and the event's own data.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, Literal, TextIO

Level = Literal["debug", "info", "warning", "error"]

LEVELS: Final[Mapping[str, int]] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

MAX_LINE: Final = 8_000
"""Characters of a text or of one datum; a peer may have chosen them."""

_LOGGER: Final = logging.getLogger("arb")
_STYLES: Final = {logging.DEBUG: "2", logging.WARNING: "33", logging.ERROR: "31", logging.CRITICAL: "31"}
_BARE: Final = re.compile(r"[^\s=\"']+")


class Scrubber:
    """Replaces registered secrets by ``***`` in a finished line, wherever in it they came from."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._found: re.Pattern[str] | None = None
        self._secrets: set[str] = set()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Register a secret, and the form that JSON gives it."""
        if secret:
            self._secrets |= {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
            # Longest first: a secret that contains another must not leave its ends behind.
            ordered = sorted(self._secrets, key=len, reverse=True)
            self._found = re.compile("|".join(map(re.escape, ordered)))

    def clean(self, line: str) -> str:
        """Return the line without any registered secret."""
        return line if self._found is None else self._found.sub("***", line)


_scrubber: Final = Scrubber()


def add_secret(secret: str) -> None:
    """Register a secret of this process: no log line will show it."""
    _scrubber.add(secret)


def log_event(
    component: str, level: Level, text: str, leg_id: str | None = None, pair_id: str | None = None, **data: object
) -> None:
    """Log one event of a component such as ``HYBRID``; costs next to nothing below the level that is logged."""
    number = LEVELS[level]
    if not _LOGGER.isEnabledFor(number):
        return
    # Made by hand: Logger.log would first walk the stack for a file and line that no line shows.
    record = _LOGGER.makeRecord(_LOGGER.name, number, "", 0, text, (), None)
    record.arb_component = component
    record.arb_data = {"leg_id": leg_id, "pair_id": pair_id, **data}
    _LOGGER.handle(record)


def setup_logging(
    *, level: Level = "info", as_json: bool = False, stream: TextIO | None = None, secrets: Iterable[str] = ()
) -> None:
    """Send every log line of this process to ``stream`` (stderr); a second call replaces the first.

    Our own lines from ``level`` up; of the libraries' only warnings and errors, since at DEBUG they log whole
    frames and headers. Colour only on a terminal and without ``NO_COLOR``.
    """
    for secret in secrets:
        add_secret(secret)
    # A process started with stderr closed has none.
    out: TextIO | None = sys.stderr if stream is None else stream
    terminal = out is not None and out.isatty()
    formatter = JsonFormatter() if as_json else TextFormatter(terminal=terminal, colour=terminal and _colour_wanted())
    handler = LineHandler(out)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, LineHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    _LOGGER.setLevel(LEVELS[level])
    logging.getLogger("Thespian").setLevel(logging.WARNING)


def _colour_wanted() -> bool:
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class LineHandler(logging.Handler):
    """Writes each record as one line; a stream that cannot take it loses the line and never stops the program."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__()
        self._stream = stream
        self.lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, scrubbed; every failure is counted in ``lost`` and goes no further."""
        if self._stream is None:
            return
        try:
            line = _scrubber.clean(self.format(record))
            self._stream.write(f"{line}\n")
            self._stream.flush()
        except Exception:  # noqa: BLE001 -- a closed pipe, a full disk, a datum whose str() fails: never worth a trade
            self.lost += 1


def _data(record: logging.LogRecord) -> dict[str, object]:
    data = getattr(record, "arb_data", None) or {}
    return {name: value for name, value in data.items() if value is not None}


def _component(record: logging.LogRecord) -> str:
    return str(getattr(record, "arb_component", None) or record.name)


def _text(record: logging.LogRecord, formatter: logging.Formatter) -> str:
    text = record.getMessage()
    if record.exc_info:
        text += "\n" + formatter.formatException(record.exc_info)
    return text[:MAX_LINE]


def _utc(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object; a datum whose name the line itself uses is kept as ``data_NAME``."""
        line: dict[str, object] = {
            "t": _utc(record),
            "level": record.levelname.lower(),
            "component": _component(record),
            "text": _text(record, self),
        }
        for name, value in _data(record).items():
            line[f"data_{name}" if name in line else name] = value[:MAX_LINE] if isinstance(value, str) else value
        try:
            return json.dumps(line, default=str, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            return json.dumps({name: str(value)[:MAX_LINE] for name, value in line.items()})


class TextFormatter(logging.Formatter):
    """One line for a person. Control characters are shown as escapes, so that no peer can fake or hide a line."""

    def __init__(self, *, terminal: bool, colour: bool) -> None:
        super().__init__()
        self._terminal = terminal
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """Return ``time level [COMPONENT] text leg=... pair=... name=value``."""
        data = _data(record)
        names = {"leg_id": "leg", "pair_id": "pair"}
        pairs = "".join(f" {names.get(name, name)}={_shown(value)}" for name, value in data.items())
        level = f"{record.levelname.lower():<7}"
        head, prefix = self._time(record), f"[{_printable(_component(record))}]"
        if self._colour:
            style = _STYLES.get(record.levelno)
            head, prefix, pairs = f"\x1b[2m{head}\x1b[0m", f"\x1b[1m{prefix}\x1b[0m", pairs and f"\x1b[2m{pairs}\x1b[0m"
            level = f"\x1b[{style}m{level}\x1b[0m" if style else level
        return f"{head} {level} {prefix} {_printable(_text(record, self))}{pairs}"

    def _time(self, record: logging.LogRecord) -> str:
        if not self._terminal:
            return _utc(record)
        moment = datetime.fromtimestamp(record.created).astimezone()
        return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"


def _shown(value: object) -> str:
    text = str(value)[:MAX_LINE]
    return _printable(text if _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False))


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
