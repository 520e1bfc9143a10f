"""The simulated venue: fills orders against the books it is shown."""
