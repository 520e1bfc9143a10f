"""Who may connect: the decision about one upgrade request. Pure; the socket's part is in ``server``."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from websockets.datastructures import Headers

from transport.link.policy import LinkPolicy
from transport.link.trust import is_trusted, literal_address


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer to a request that is not let in. ``text`` is for the peer's operator and tells no secret."""

    status: HTTPStatus
    text: str


def judge(policy: LinkPolicy, headers: Headers, host: str, admitted: int) -> Refusal | None:
    """None when a request from the source address ``host`` may become connection number ``admitted + 1``."""
    if not policy.is_open_to_strangers and not is_trusted(host):
        return Refusal(
            HTTPStatus.FORBIDDEN,
            "without a token only loopback and Tailscale addresses may connect: set one on both ends",
        )
    if policy.token is not None and not _shows(headers, policy.token):
        return Refusal(
            HTTPStatus.UNAUTHORIZED, "no bearer token, or not this controller's: set the same token on both ends"
        )
    if _is_foreign_page(headers, names_are_safe=policy.token is not None):
        return Refusal(HTTPStatus.FORBIDDEN, "web pages of another origin may not connect")
    if admitted >= policy.max_connections:
        return Refusal(
            HTTPStatus.SERVICE_UNAVAILABLE, f"all {policy.max_connections} connections are taken: try again later"
        )
    return None


def _shows(headers: Headers, token: str) -> bool:
    """Whether the request carries exactly one ``Authorization: Bearer`` with our token; constant time."""
    given = headers.get_all("Authorization")
    if len(given) != 1:
        return False
    scheme, _, credentials = given[0].partition(" ")
    # As bytes: compare_digest refuses text that is not ASCII, and a peer may send any.
    shown = credentials.strip().encode(errors="surrogateescape")
    return scheme.lower() == "bearer" and hmac.compare_digest(shown, token.encode())


def _is_foreign_page(headers: Headers, *, names_are_safe: bool) -> bool:
    """Whether a browser says that a page from elsewhere opened this connection.

    Any page that the user visits can reach a controller on the user's own machine; browsers alone send ``Origin``,
    and always do. Some plain clients send it too, with our own address in it: those pass. A *name* is not enough,
    though, even when it equals ``Host``: the page's owner can let his name resolve to 127.0.0.1 (DNS rebinding).
    With a token a name is safe, for a page cannot set the ``Authorization`` header.
    """
    origins = headers.get_all("Origin")
    if not origins:
        return False
    try:
        origin = urlsplit(origins[0])
        name = origin.hostname or ""
    except ValueError:
        return True
    if len(origins) > 1 or [origin.netloc.lower()] != [host.lower() for host in headers.get_all("Host")]:
        return True
    return not (names_are_safe or name == "localhost" or literal_address(name) is not None)
