"""The `arb` command: thin commands over the rooms below."""
