"""What decides: actors, the messages between them, and the pure state machines they own."""
