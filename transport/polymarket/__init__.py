"""Polymarket on real sockets."""
