"""What a link tells its owner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCallbacks:
    """Plain functions, called on the event loop and never from inside a call to the link itself.

    For each connection: ``on_open`` once, then any number of ``on_text`` and ``on_garbage``, then ``on_close``
    exactly once, whichever way it died; nothing after that. A callback that raises is a bug: it is handed to the
    loop's exception handler, and its connection is dropped; the others go on.
    """

    on_open: Callable[[int, str], None]
    """``(conn_id, peer)``: open for sending. ``conn_id`` is never used again in this process."""
    on_text: Callable[[int, str], None]
    """``(conn_id, text)``: one whole text frame."""
    on_garbage: Callable[[int, str], None]
    """``(conn_id, reason)``: a frame that cannot be a message (binary); counting is the owner's."""
    on_close: Callable[[int, str], None]
    """``(conn_id, reason)``: gone, and why, in words for a log."""
