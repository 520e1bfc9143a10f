"""A Kalshi that needs no Kalshi: the rules of the venue, without I/O, clock or chance; a server in front makes it real."""
