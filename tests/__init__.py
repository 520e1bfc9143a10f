"""The proof: each folder tests the room of the same name; `e2e` runs the real processes."""
