"""TLS contexts for ``wss://`` from the operator's files, with errors that say which file and why."""

from __future__ import annotations

import ssl
from pathlib import Path

from transport.link.errors import TlsError


def server_context(cert: Path, key: Path) -> ssl.SSLContext:
    """Context of a controller that shows ``cert`` (PEM, with its chain) and holds ``key`` (PEM, no passphrase).

    Raises :class:`TlsError`.
    """
    _must_be_readable(cert, "certificate")
    _must_be_readable(key, "key")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # Without this callback OpenSSL asks for a passphrase on the terminal, and a daemon would hang there.
        context.load_cert_chain(cert, key, password=_no_passphrase)
    except ssl.SSLError as error:
        raise TlsError(
            f"certificate {cert} and key {key} cannot be used together: {error.reason or error}; "
            "both must be PEM and belong to each other"
        ) from error
    return context


def client_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """Context of a trader that believes the authorities in ``ca_file`` (PEM) only, or those of the system.

    The controller's name is always checked. Raises :class:`TlsError`.
    """
    if ca_file is None:
        return ssl.create_default_context()
    _must_be_readable(ca_file, "CA file")
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except ssl.SSLError as error:
        raise TlsError(f"CA file {ca_file} holds no certificate in PEM: {error.reason or error}") from error


def _no_passphrase() -> str:
    raise TlsError("the link's key is protected by a passphrase; write it without one: openssl pkey -in KEY -out NEW")


def _must_be_readable(path: Path, what: str) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise TlsError(f"{what} {path} cannot be read: {error.strerror}") from error
