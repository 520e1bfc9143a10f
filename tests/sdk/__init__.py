"""Venues' client libraries, unmodified, each run in an environment that has nothing to do with ours."""
