"""What a list of markets to rehearse on may be refused for."""

from __future__ import annotations


class ListingError(ValueError):
    """A list of markets that cannot be used; the text names the market and the field."""
