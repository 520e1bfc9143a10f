"""Books that a trader relays to its controller."""
