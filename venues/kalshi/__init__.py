"""Kalshi: its market data frames as events."""
