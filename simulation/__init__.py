"""The public test kit: virtual clock, simulated traders and markets."""
