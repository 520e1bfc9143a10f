"""The loopback Polymarket, its rules and its server."""
