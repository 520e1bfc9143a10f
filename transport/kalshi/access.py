"""Where Kalshi is and who we are there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from transport.kalshi.key_file import SecretFileError, read_key_file
from transport.live import LiveVenueError
from venues.kalshi.hosts import Hosts
from venues.kalshi.signing import Credentials


@dataclass(frozen=True, slots=True)
class KalshiAccess:
    """Where Kalshi is, and who we are there. Shows neither id nor passphrase."""

    hosts: Hosts
    credentials: Credentials


def access(
    hosts: Hosts, key_id: str, key_file: Path, passphrase_file: Path | None = None, passphrase: str | None = None
) -> KalshiAccess:
    """Read the key. Raises :class:`LiveVenueError`."""
    try:
        return KalshiAccess(hosts, Credentials(key_id, read_key_file(key_file, passphrase_file, passphrase)))
    except SecretFileError as error:
        raise LiveVenueError(f"kalshi.key_file: {error}") from None
