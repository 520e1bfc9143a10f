"""What touches the world: sockets, clock, feeds, files. Turns messages into I/O and I/O into messages."""
