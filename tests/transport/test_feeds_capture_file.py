from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.terms import KALSHI, POLYMARKET
from tests.shared_data import shared_data
from transport.feeds import capture_file
from transport.feeds.capture_file import CaptureError, CaptureReader, CaptureWriter, read_capture
from venues.capture import CaptureLine, encode_line

LINES = [
    CaptureLine(1, KALSHI, event="connected"),
    CaptureLine(2, KALSHI, frame='{"type":"trade"}'),
    CaptureLine(2, POLYMARKET, frame="PONG"),
    CaptureLine(9, KALSHI, event="disconnected"),
]
TEXT = b"".join(encode_line(line) for line in LINES)


def read(path: Path) -> tuple[list[CaptureLine], CaptureError | None]:
    """Everything that could be read, and the fault that ended it."""
    lines: list[CaptureLine] = []
    try:
        for line in read_capture(path):
            lines.append(line)  # noqa: PERF402 -- those before the fault are the point
    except CaptureError as error:
        return lines, error
    return lines, None


Pack = Callable[[bytes], bytes]


def plain(data: bytes) -> bytes:
    return data


@pytest.mark.parametrize("pack", [plain, gzip.compress])
def test_lines_in_order_whatever_the_name(tmp_path: Path, pack: Pack) -> None:
    for name in ("a.jsonl", "a.jsonl.gz"):
        path = tmp_path / name
        path.write_bytes(pack(TEXT))
        assert read(path) == (LINES, None)


def test_gzip_in_several_parts(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(TEXT[:50]) + gzip.compress(TEXT[50:]))
    assert read(path) == (LINES, None)


@pytest.mark.parametrize("pack", [plain, gzip.compress])
def test_blank_lines_and_a_missing_last_newline_are_no_fault(tmp_path: Path, pack: Pack) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(pack(b"\n" + TEXT.replace(b"\n", b"\n  \n").rstrip()))
    assert read(path) == (LINES, None)


@pytest.mark.parametrize("pack", [plain, gzip.compress])
def test_half_a_last_line_is_a_truncation(tmp_path: Path, pack: Pack) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(pack(TEXT[:-9]))
    lines, error = read(path)
    assert lines == LINES[:3]
    assert error is not None
    assert error.truncated
    assert error.line == 4
    assert str(path) in str(error)
    assert "truncated at line 4" in str(error)


MANY = [CaptureLine(t, KALSHI, frame=hashlib.sha256(str(t).encode()).hexdigest()) for t in range(300)]
MANY_PACKED = gzip.compress(b"".join(encode_line(line) for line in MANY), mtime=0)


@given(cut=st.integers(1, len(MANY_PACKED) - 1))
def test_a_truncated_gzip_gives_every_whole_line_before_the_cut(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "a.jsonl.gz"
    path.write_bytes(MANY_PACKED[:cut])
    lines, error = read(path)
    assert lines == MANY[: len(lines)]
    # Half of the bytes hold about half of the lines: nothing that could be read was dropped.
    assert len(lines) >= (cut / len(MANY_PACKED)) * len(MANY) - 60
    assert error is not None
    assert error.line == len(lines) + 1 or cut == 1


def test_a_recording_cut_in_the_middle(tmp_path: Path) -> None:
    data = shared_data("nba-mvp-shai.jsonl.gz").read_bytes()
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(data[: len(data) // 2])
    lines, error = read(path)
    whole, _ = read(shared_data("nba-mvp-shai.jsonl.gz"))
    assert 500 < len(lines) < len(whole)
    assert lines == whole[: len(lines)]
    assert error is not None
    assert error.truncated
    assert error.line == len(lines) + 1


def test_damaged_gzip_is_no_truncation(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(TEXT))
    data[-5] ^= 0xFF
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(data)
    lines, error = read(path)
    assert lines == LINES
    assert error is not None
    assert not error.truncated
    assert "damaged" in str(error)


def test_a_line_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(TEXT + b'{"t":10,"venue":"elsewhere","frame":"x"}\n' + TEXT)
    lines, error = read(path)
    assert lines == LINES
    assert error is not None
    assert not error.truncated
    assert error.line == 5
    assert "line 5" in str(error)
    assert "elsewhere" in str(error)


def test_a_line_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_file, "MAX_LINE", 100)
    path = tmp_path / "a.jsonl"
    exact = encode_line(CaptureLine(1, KALSHI, frame="x" * 60))
    long = encode_line(CaptureLine(1, KALSHI, frame="x" * 200))
    path.write_bytes(exact + long)
    lines, error = read(path)
    assert len(lines) == 1
    assert error is not None
    assert error.line == 2
    assert "longer than 100 bytes" in str(error)


def test_time_never_runs_backwards(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    times = [5, 3, 4, 6, 6, 1]
    path.write_bytes(b"".join(encode_line(CaptureLine(t, KALSHI, frame="x")) for t in times))
    reader = CaptureReader(path)
    assert [line.t for line in reader] == [5, 5, 5, 6, 6, 6]
    assert reader.clamped == 3
    assert reader.lines == 6


def test_what_is_no_capture_file(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    for path, said in ((tmp_path / "none.jsonl", "No such file"), (tmp_path, "directory"), (empty, "empty")):
        lines, error = read(path)
        assert lines == []
        assert error is not None
        assert error.line == 0
        assert str(path) in str(error)
        assert said in str(error)


def test_a_reader_that_is_given_up_closes_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(TEXT))
    lines = iter(CaptureReader(path))
    next(lines)
    lines.close()


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_what_was_written_is_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with CaptureWriter(path) as writer:
        for line in LINES:
            writer.write(line)
    assert read(path) == (LINES, None)
    assert (path.read_bytes()[:2] == b"\x1f\x8b") is name.endswith(".gz")


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_what_was_flushed_survives_a_crash(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with CaptureWriter(path) as writer:
        for line in LINES:
            writer.write(line)
        writer.flush()
        assert read(path)[0] == LINES


def test_no_recording_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(TEXT)
    with pytest.raises(FileExistsError):
        CaptureWriter(path)
    assert path.read_bytes() == TEXT
