"""What prices mean: books, fees, pairs, detection and sizing. Pure functions and objects, no I/O, no clock."""
