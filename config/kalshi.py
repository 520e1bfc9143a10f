"""The settings of Kalshi, as fields to be taken into the one settings model; in the file a table ``[kalshi]``."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr

from config import kinds
from config.about import About
from config.address import MAX_PORT, parse_host

TABLE: Final = "kalshi_"
"""How the names of these settings begin; what follows is their name in the file's table ``[kalshi]``."""


def origin(secure: str, plain: str) -> kinds.Kind:
    """Where a server is, without a path; unencrypted only on this machine, as what is signed could be read and kept."""

    def parse(value: object) -> str:
        if not isinstance(value, str) or not 0 < len(value.strip()) <= kinds.MAX_TEXT:
            raise ValueError
        parts = urlsplit(value.strip())
        if parts.scheme not in {secure, plain} or not parts.hostname or parts.path.strip("/"):
            raise ValueError
        if parts.query or parts.fragment or parts.username is not None or parts.password is not None:
            raise ValueError
        if parts.port is not None and not 0 < parts.port <= MAX_PORT:
            raise ValueError
        parse_host(parts.hostname)
        if parts.scheme == plain and not is_here(parts.hostname):
            raise kinds.RefusedError(f"must be {secure}://: {plain}:// only leads to this machine (127.0.0.1)")
        return f"{parts.scheme}://{parts.netloc}"

    return kinds.Kind(f"{secure}://HOST, or {plain}://127.0.0.1:PORT on this machine", parse)


def is_here(host: str) -> bool:
    """Whether the host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class KalshiSettings(BaseModel):
    """Where Kalshi is, who we are there, and how it rounds our fees."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kalshi_key_id: Annotated[
        SecretStr | None,
        kinds.secret(),
        About("Id of the API key with which this trader trades on Kalshi. Never shown.", default="none"),
    ] = None
    kalshi_key_file: Annotated[
        Path | None,
        kinds.path(),
        About("File of its private key (PEM, Ed25519 or RSA), readable by its owner alone (`chmod 600`)."),
    ] = None
    kalshi_passphrase_file: Annotated[
        Path | None,
        kinds.path(),
        About("File with the passphrase of an encrypted key, readable by its owner alone."),
    ] = None
    kalshi_passphrase: Annotated[
        SecretStr | None,
        kinds.secret(),
        About("The passphrase itself, for those who keep secrets in the environment.", in_file=False),
    ] = None
    kalshi_environment: Annotated[
        Literal["live", "demo"],
        kinds.choice("live", "demo"),
        About("Kalshi itself, or its demo, which has keys and accounts of its own."),
    ] = "live"
    kalshi_rest_url: Annotated[
        str | None,
        origin("https", "http"),
        About(
            "Another server of Kalshi's REST API, such as one on this machine.", default="that of `kalshi.environment`"
        ),
    ] = None
    kalshi_socket_url: Annotated[
        str | None,
        origin("wss", "ws"),
        About("Another server of its WebSocket.", default="that of `kalshi.environment`"),
    ] = None
    kalshi_fee_precision: Annotated[
        Literal["retail", "direct"],
        kinds.choice("retail", "direct"),
        About("How Kalshi rounds this account's fees: to $0.01 (retail) or to $0.0001 (direct member)."),
    ] = "retail"
