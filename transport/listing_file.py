"""A venue's markets from a file: what its listing answered, saved as JSON, JSON lines, or either of them gzipped."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from pairing.listing import Listing, ListingError, Unreadable

__all__ = ["ListingFileError", "read_listing_file"]

MAX_BYTES: Final = 4 * 1024**3
"""Unpacked size of a file; all open markets of a venue are a tenth of it."""

_CHUNK: Final = 1 << 20

Reader = Callable[[object], tuple[list[Listing], list[Unreadable]]]


class ListingFileError(Exception):
    """A file that cannot be used; the text names it."""


def read_listing_file(path: Path, reader: Reader) -> tuple[list[Listing], list[Unreadable]]:
    """Every market of the file. Raises :class:`ListingFileError` for one that is not what its venue answers."""
    try:
        return reader(_document(_bytes(path)))
    except (OSError, EOFError) as error:
        raise ListingFileError(f"{path}: cannot be read: {error}") from None
    except (msgspec.DecodeError, ListingError, RecursionError) as error:
        raise ListingFileError(f"{path}: {error}") from None


def _bytes(path: Path) -> bytes:
    opener = gzip.open if path.suffix == ".gz" else open
    parts, size = [], 0
    with opener(path, "rb") as file:
        while part := file.read(_CHUNK):
            size += len(part)
            if size > MAX_BYTES:
                raise ListingFileError(f"{path}: more than {MAX_BYTES:,} bytes")
            parts.append(part)
    return b"".join(parts)


def _document(data: bytes) -> object:
    """The one JSON value of the file, or the list of those on its lines."""
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        lines = [line for line in data.splitlines() if line.strip()]
        if len(lines) <= 1 or not lines[0].rstrip().endswith((b"}", b"]")):
            raise
        return [msgspec.json.decode(line) for line in lines]
