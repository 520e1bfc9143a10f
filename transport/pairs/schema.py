"""The tables of the pairs store. What a person decided is never changed or deleted: triggers refuse it."""

from __future__ import annotations

from typing import Final

from transport.sqlite_file import Schema

FILE_NAME: Final = "pairs.db"
"""The file's name in a home."""

_LISTINGS: Final = """
CREATE TABLE arb_listings (
    id INTEGER PRIMARY KEY,
    platform TEXT NOT NULL,
    market_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    token_a TEXT,
    token_b TEXT,
    left_out TEXT,
    seen_us INTEGER NOT NULL,
    changed_us INTEGER NOT NULL,
    gone_us INTEGER,
    body BLOB NOT NULL,
    UNIQUE (platform, market_id)
) STRICT
"""

_FETCHES: Final = """
CREATE TABLE arb_fetches (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    platform TEXT NOT NULL,
    t_us INTEGER NOT NULL,
    source TEXT NOT NULL,
    whole INTEGER NOT NULL,
    counts TEXT NOT NULL
) STRICT
"""

_PAIRS: Final = """
CREATE TABLE arb_pairs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    pair_id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('proposed', 'approved', 'rejected', 'latched')),
    kalshi_id TEXT,
    polymarket_id TEXT,
    yes_token TEXT,
    no_token TEXT,
    category TEXT NOT NULL,
    event_key TEXT,
    kalshi_digest TEXT,
    polymarket_digest TEXT,
    pair BLOB NOT NULL,
    evidence BLOB
) STRICT
"""

_DECISIONS: Final = """
CREATE TABLE arb_decisions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    pair_id TEXT NOT NULL,
    t_us INTEGER NOT NULL,
    what TEXT NOT NULL,
    state TEXT NOT NULL,
    who TEXT NOT NULL,
    note TEXT NOT NULL,
    kalshi_digest TEXT,
    polymarket_digest TEXT,
    kalshi BLOB,
    polymarket BLOB,
    changes TEXT NOT NULL
) STRICT
"""

PAIRS_STORE: Final = Schema(
    what="pairs store",
    application_id=0x41525052,  # "ARPR"
    migrations=(
        (
            _LISTINGS,
            "CREATE INDEX arb_listings_token_a ON arb_listings (token_a) WHERE token_a IS NOT NULL",
            "CREATE INDEX arb_listings_token_b ON arb_listings (token_b) WHERE token_b IS NOT NULL",
            _FETCHES,
            _PAIRS,
            """CREATE UNIQUE INDEX arb_pairs_instruments
               ON arb_pairs (coalesce(kalshi_id, ''), coalesce(yes_token, ''), coalesce(no_token, ''))""",
            _DECISIONS,
            "CREATE INDEX arb_decisions_pair ON arb_decisions (pair_id, seq)",
            """CREATE TRIGGER arb_decisions_stay BEFORE UPDATE ON arb_decisions
               BEGIN SELECT RAISE(ABORT, 'a decision is never changed'); END""",
            """CREATE TRIGGER arb_decisions_are_kept BEFORE DELETE ON arb_decisions
               BEGIN SELECT RAISE(ABORT, 'a decision is never deleted'); END""",
            """CREATE TABLE arb_events (
                   platform TEXT NOT NULL, event_id TEXT NOT NULL, event_key TEXT NOT NULL,
                   PRIMARY KEY (platform, event_id)
               ) STRICT, WITHOUT ROWID""",
        ),
    ),
)
