"""Where market data comes in: a recording, the simulated market, and later the venues' own sockets."""
