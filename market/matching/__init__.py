"""A matching engine: price-time priority, integers only, no I/O, no clock and no chance."""
