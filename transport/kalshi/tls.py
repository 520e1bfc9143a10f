"""Whose certificates are believed: the authorities that httpx brings, or those that ``SSL_CERT_FILE`` names."""

from __future__ import annotations

import ssl
from functools import cache

import httpx


@cache
def client_tls() -> ssl.SSLContext:
    """The one context of every connection to Kalshi; made once, as reading all authorities takes some time."""
    return httpx.create_ssl_context()
