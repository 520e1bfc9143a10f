"""Why a connection ended, in words for a log line."""

from __future__ import annotations

from typing import Final

from websockets.frames import Close

MAX_CLOSE_REASON_BYTES: Final = 123
"""RFC 6455, 5.5: a control frame holds 125 bytes, two of them are the code."""


def describe_end(received: Close | None, sent: Close | None, *, peer_first: bool, cause: BaseException | None) -> str:
    """Who ended the connection and how, from the close frames that were seen and the socket's error.

    A peer's own words are quoted, so that they cannot forge a line of the log.
    """
    if received is not None and (peer_first or sent is None):
        return _closed("peer closed", received)
    if sent is not None:
        return _closed("we closed", sent)
    if cause is not None:
        return f"connection lost: {str(cause) or type(cause).__name__}"
    return "connection lost: the peer went away without a close frame"


def shorten_close_reason(text: str) -> str:
    """``text`` cut to what a close frame can carry, never inside a character."""
    return text.encode()[:MAX_CLOSE_REASON_BYTES].decode(errors="ignore")


def _closed(who: str, close: Close) -> str:
    return f"{who} ({close.code})" + (f": {close.reason!r}" if close.reason else "")
