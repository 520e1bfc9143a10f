"""Kalshi for real: orders, reads and market data. Needs the extra ``arb[live]``; nothing else imports this room."""
