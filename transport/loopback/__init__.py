"""An exchange to rehearse on, on a port of this machine: HTTP and WebSocket in front of venues/loopback."""
