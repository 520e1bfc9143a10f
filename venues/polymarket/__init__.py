"""Polymarket: its market data frames as events."""
