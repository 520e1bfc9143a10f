"""The link between controller and traders: one WebSocket, its two ends, who may connect and what it may cost."""
