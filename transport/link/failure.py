"""Why an attempt to connect failed, in words that say what to do."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from typing import Final

from websockets.exceptions import InvalidMessage, InvalidStatus, InvalidURI, WebSocketException

EXPECTED: Final = (OSError, EOFError, WebSocketException, ValueError)
"""What connecting to a peer may raise (a timeout is an OSError); anything else is a bug of ours."""

_REFUSED: Final = {
    401: "the controller refused our token (401): set the same token on both ends",
    403: "the controller does not let this machine in (403): use loopback or Tailscale, or set a token on both ends",
    426: "the controller wants another protocol (426): does the URL name the link's port?",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed attempt. ``is_refusal``: the other end said no by name, so that trying fast is of no use."""

    reason: str
    is_refusal: bool = False


def explain_failure(error: BaseException) -> Failure:
    """The failure in words, without the URL: that is the caller's to add, and may hold more than a log should."""
    match error:
        case InvalidStatus():
            status = error.response.status_code
            if status in _REFUSED:
                return Failure(_REFUSED[status], is_refusal=True)
            return Failure(f"the other end answered the upgrade request with HTTP {status}")
        case InvalidURI():
            return Failure("not a WebSocket URL: write ws://HOST:PORT or wss://HOST:PORT", is_refusal=True)
        case InvalidMessage():
            return Failure("the other end is no WebSocket server, or went away during the handshake")
        case OSError():
            return Failure(_network_trouble(error))
        case _:
            return Failure(f"{type(error).__name__}: {error}")


def _network_trouble(error: OSError) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {error.verify_message}; name its CA file"
        case ssl.SSLError():
            return f"TLS failed ({error.strerror or error}): does the controller serve wss://?"
        case socket.gaierror():
            return f"the host name does not resolve: {error.strerror}"
        case TimeoutError():
            return "no answer in time: is it the right address, and does a firewall allow it?"
        case ConnectionRefusedError():
            return "nothing listens there (connection refused): is the controller running?"
        case ConnectionError():
            return "the other end hung up during the handshake: do both ends use TLS (wss://), or neither?"
        case _:
            return error.strerror or str(error) or type(error).__name__
