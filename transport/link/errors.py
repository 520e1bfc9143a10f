"""Why a link cannot be set up: mistakes of the configuration, each with its fix in the message."""

from __future__ import annotations


class LinkError(Exception):
    """Base of every reason not to start a link; the message names the setting or address, and the fix."""


class BindRefused(LinkError):
    """The address is open to others, and neither a token nor the operator's word makes that safe."""


class PortInUse(LinkError):
    """Another program listens on this address already."""


class BindFailed(LinkError):
    """The address cannot be listened on: not of this machine, not allowed, or not a name that resolves."""


class TlsError(LinkError):
    """A certificate, key or CA file cannot be used."""
