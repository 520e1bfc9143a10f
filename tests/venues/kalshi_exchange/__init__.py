"""The loopback Kalshi."""
