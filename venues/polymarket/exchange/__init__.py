"""The rules of Polymarket as an exchange, without I/O, clock or chance; a server in front of it makes it real."""
