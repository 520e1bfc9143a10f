"""The small pure parts of the link: addresses, trust, backoff, reasons, failures."""

from __future__ import annotations

import socket
import ssl
from ipaddress import ip_address, ip_network
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.datastructures import Headers
from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidStatus, InvalidURI
from websockets.frames import Close
from websockets.http11 import Response

from transport.link.address import show_address, show_peer, ws_url
from transport.link.backoff import BASE_S, CAP_S, backoff, ceiling, patience
from transport.link.failure import explain_failure
from transport.link.reason import MAX_CLOSE_REASON_BYTES, describe_end, shorten_close_reason
from transport.link.trust import is_trusted, literal_address


def test_addresses_are_written_as_in_a_url() -> None:
    assert show_address("127.0.0.1", 9001) == "127.0.0.1:9001"
    assert show_address("::1", 9001) == "[::1]:9001"
    assert ws_url("fd7a:115c:a1e0::1", 9001) == "ws://[fd7a:115c:a1e0::1]:9001"
    assert ws_url("desk", 9001, secure=True) == "wss://desk:9001"
    assert show_peer(("10.0.0.1", 5)) == "10.0.0.1:5"
    assert show_peer(("::1", 5, 0, 0)) == "[::1]:5"
    assert show_peer(None) == "unknown"


@pytest.mark.parametrize(
    ("host", "trusted"),
    [
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("100.64.0.0", True),
        ("100.127.255.255", True),
        ("100.63.255.255", False),
        ("100.128.0.0", False),
        ("::ffff:100.64.0.1", True),
        ("fd7a:115c:a1e0::", True),
        ("fd7a:115c:a1e0:ffff:ffff:ffff:ffff:ffff", True),
        ("fd7a:115c:a1e1::", False),
        ("fd7a:115c:a1df::", False),
        ("fe80::1%eth0", False),
        ("::1%lo", True),
        ("10.0.0.1", False),
        ("192.168.1.1", False),
        ("0.0.0.0", False),  # noqa: S104 -- only judged
        ("::", False),
        ("::ffff:8.8.8.8", False),
        ("localhost", False),
        ("", False),
        ("2130706433", False),
    ],
)
def test_loopback_and_tailscale_are_trusted_to_the_last_address(host: str, *, trusted: bool) -> None:
    assert is_trusted(host) is trusted


@given(st.ip_addresses(v=4))
def test_trust_in_ipv4_is_the_two_networks(address: object) -> None:
    networks = (ip_network("127.0.0.0/8"), ip_network("100.64.0.0/10"))
    assert is_trusted(str(address)) is any(ip_address(str(address)) in network for network in networks)
    assert is_trusted(f"::ffff:{address}") is is_trusted(str(address))


@given(st.text(max_size=40))
def test_trust_never_raises(host: str) -> None:
    assert is_trusted(host) is False or literal_address(host) is not None


@given(st.integers(-5, 10**9), st.integers(), st.floats(0.001, 10), st.floats(10, 1_000))
def test_backoff_is_jittered_within_a_ceiling_that_never_falls_and_ends_at_the_cap(
    attempt: int, seed: int, base: float, cap: float
) -> None:
    assert 0 <= backoff(attempt, Random(seed), base=base, cap=cap) <= ceiling(attempt, base=base, cap=cap) <= cap
    assert ceiling(attempt, base=base, cap=cap) <= ceiling(attempt + 1, base=base, cap=cap)
    assert ceiling(60, base=base, cap=cap) == cap
    assert cap / 2 <= patience(Random(seed), cap=cap) <= cap


def test_backoff_begins_quick_doubles_and_is_spread_over_all_of_its_interval() -> None:
    assert [ceiling(attempt) for attempt in range(7)] == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    assert (BASE_S, CAP_S) == (0.25, 5.0)
    rng = Random(1)
    drawn = [backoff(20, rng) for _ in range(1_000)]
    assert min(drawn) < 0.05 * CAP_S
    assert max(drawn) > 0.95 * CAP_S
    assert 0.45 * CAP_S < sum(drawn) / len(drawn) < 0.55 * CAP_S
    assert backoff(3, Random(7)) == backoff(3, Random(7))


@pytest.mark.parametrize(
    ("received", "sent", "peer_first", "cause", "words"),
    [
        (Close(1000, "bye"), Close(1000, "bye"), True, None, "peer closed (1000): 'bye'"),
        (Close(1000, ""), None, False, None, "peer closed (1000)"),
        (Close(1008, "x"), Close(1008, "x"), False, None, "we closed (1008): 'x'"),
        (None, Close(1009, "too big"), False, ConnectionResetError(), "we closed (1009): 'too big'"),
        (None, None, False, ConnectionResetError(104, "reset by peer"), "connection lost: [Errno 104] reset by peer"),
        (None, None, False, ConnectionResetError(), "connection lost: ConnectionResetError"),
        (None, None, False, None, "connection lost: the peer went away without a close frame"),
        (Close(1000, "a\n[HYBRID] forged"), None, True, None, r"peer closed (1000): 'a\n[HYBRID] forged'"),
    ],
)
def test_an_end_is_told_in_one_line(
    received: Close | None, sent: Close | None, *, peer_first: bool, cause: Exception | None, words: str
) -> None:
    assert describe_end(received, sent, peer_first=peer_first, cause=cause) == words


@given(st.text())
def test_a_close_reason_always_fits_and_is_a_beginning(text: str) -> None:
    short = shorten_close_reason(text)
    assert len(short.encode()) <= MAX_CLOSE_REASON_BYTES
    assert text.startswith(short)
    assert short == text or len(short.encode()) > MAX_CLOSE_REASON_BYTES - 4


def _status(code: int) -> InvalidStatus:
    return InvalidStatus(Response(code, "", Headers()))


def _untrusted() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError()
    error.verify_message = "self-signed certificate"
    return error


@pytest.mark.parametrize(
    ("error", "words", "is_refusal"),
    [
        (_status(401), "the same token on both ends", True),
        (_status(403), "does not let this machine in (403)", True),
        (_status(426), "another protocol (426)", True),
        (_status(503), "HTTP 503", False),
        (InvalidURI("http://x", "scheme"), "write ws://HOST:PORT", True),
        (InvalidMessage("did not receive"), "no WebSocket server", False),
        (_untrusted(), "self-signed certificate; name its CA file", False),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong"), "does the controller serve wss://?", False),
        (socket.gaierror(-2, "Name or service not known"), "does not resolve: Name or service", False),
        (TimeoutError("timed out"), "no answer in time", False),
        (ConnectionRefusedError(111, "Connection refused"), "is the controller running?", False),
        (ConnectionResetError(), "do both ends use TLS (wss://), or neither?", False),
        (OSError(113, "No route to host"), "No route to host", False),
        (OSError("Multiple exceptions"), "Multiple exceptions", False),
        (InvalidHandshake("odd"), "InvalidHandshake: odd", False),
    ],
)
def test_a_failed_attempt_says_what_to_do(error: Exception, words: str, *, is_refusal: bool) -> None:
    failure = explain_failure(error)
    assert words in failure.reason
    assert failure.is_refusal is is_refusal
