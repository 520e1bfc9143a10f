"""The controller's ledger in a database: facts appended, never changed, each at most once."""
