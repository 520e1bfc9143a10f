"""The loopback Kalshi on a port: HTTP and WebSocket in front of venues/kalshi/exchange."""
