"""The loopback Polymarket on a port: HTTP and WebSocket in front of venues/polymarket/exchange."""
