"""Capture files on disk: read line by line whatever their size, written line by line."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from io import BufferedIOBase, BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from venues.capture import BadLine, CaptureLine, encode_line, parse_line

MAX_LINE: Final = 20 * 1024 * 1024
"""Bytes of one line: the largest frame, every character of it escaped."""

_GZIP_MAGIC: Final = b"\x1f\x8b"


class CaptureError(Exception):
    """A capture file cannot be read (on): which file, which line (0: the whole file), and why.

    ``truncated`` is true when the file just ends too early, as after a crash: all lines before were sound.
    """

    def __init__(self, path: Path, line: int, reason: str, *, truncated: bool = False) -> None:
        where = f"truncated at line {line}" if truncated else f"line {line}" if line else "no capture file"
        super().__init__(f"{path}: {where}: {reason}")
        self.path = path
        self.line = line
        self.truncated = truncated


class CaptureReader:
    """The lines of a capture file, plain or gzip (told by its content, not its name), in order, one pass.

    ``lines`` counts those read. Time never runs backwards for the caller: a line older than one before it gets that
    one's time, and ``clamped`` counts how often.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = 0
        self.clamped = 0

    def __iter__(self) -> Generator[CaptureLine, None, None]:
        """Every sound line up to the end or to the first fault, which is raised as :class:`CaptureError`."""
        latest = 0
        with ExitStack() as stack:
            raw = stack.enter_context(self._open())
            file: BufferedIOBase = raw
            if raw.peek(2)[:2] == _GZIP_MAGIC:
                file = stack.enter_context(gzip.GzipFile(fileobj=raw))
            while text := self._next_line(file):
                if not text.strip():
                    continue
                line = self._parsed(text)
                if line.t < latest:
                    self.clamped += 1
                    line = msgspec.structs.replace(line, t=latest)
                latest = line.t
                yield line
        if not self.lines:
            raise CaptureError(self.path, 0, "the file is empty")

    def _open(self) -> BufferedReader:
        try:
            return self.path.open("rb")
        except OSError as error:
            raise CaptureError(self.path, 0, error.strerror or str(error)) from None

    def _next_line(self, file: BufferedIOBase) -> bytes:
        number = self.lines + 1
        try:
            text = file.readline(MAX_LINE + 1)
        except EOFError:
            raise CaptureError(self.path, number, "the compressed data ends too early", truncated=True) from None
        except (OSError, zlib.error) as error:
            raise CaptureError(self.path, number, f"the compressed data is damaged: {error}") from None
        if len(text) > MAX_LINE:
            raise CaptureError(self.path, number, f"longer than {MAX_LINE} bytes")
        self.lines += bool(text)
        return text

    def _parsed(self, text: bytes) -> CaptureLine:
        line = parse_line(text)
        if isinstance(line, BadLine):
            if not text.endswith(b"\n"):
                raise CaptureError(self.path, self.lines, "half a line, then the file ends", truncated=True)
            raise CaptureError(self.path, self.lines, line.reason)
        return line


def read_capture(path: Path) -> Iterator[CaptureLine]:
    """The lines of a capture file; see :class:`CaptureReader`."""
    return iter(CaptureReader(path))


class CaptureWriter:
    """Writes a new capture file, gzip where the name ends in ``.gz``. Raises :class:`FileExistsError` over another.

    What :meth:`write` took is on disk after :meth:`flush` and after :meth:`close`, not before.
    """

    def __init__(self, path: Path) -> None:
        self._raw = path.open("xb")
        self._file: BufferedIOBase = self._raw
        if path.suffix == ".gz":
            self._file = gzip.GzipFile(fileobj=self._raw, mode="wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def write(self, line: CaptureLine) -> None:
        """Append one line."""
        self._file.write(encode_line(line))

    def flush(self) -> None:
        """Hand everything to the operating system, so that a crash of ours loses nothing of it."""
        self._file.flush()

    def close(self) -> None:
        """Flush and close; once is enough."""
        self._file.close()
        self._raw.close()
