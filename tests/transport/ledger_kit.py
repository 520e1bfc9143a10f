"""What the tests of the ledger share: both databases, each with a fresh and empty place for one test."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import URL, create_engine, make_url

SERVER: Final = os.environ.get("TEST_POSTGRESQL_URL", "")
"""A server that may be written to, such as ``postgresql://arb:secret@127.0.0.1:5432/postgres``."""


_numbers = itertools.count(1)


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


@contextmanager
def fresh_database(kind: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database: a file, or a schema of its own that is dropped afterwards."""
    if kind == "sqlite":
        yield sqlite_url(folder / "ledger.db")
        return
    if not SERVER:
        pytest.skip("TEST_POSTGRESQL_URL names no PostgreSQL server")
    server = make_url(SERVER).set(drivername="postgresql+psycopg")
    schema = f"arb_test_{os.getpid()}_{next(_numbers)}"
    execute(server, f'CREATE SCHEMA "{schema}"')
    try:
        here = make_url(SERVER).update_query_dict({"options": f"-csearch_path={schema}"})
        yield here.render_as_string(hide_password=False)
    finally:
        execute(server, f'DROP SCHEMA "{schema}" CASCADE')


def execute(url: URL | str, *statements: str) -> list[Any]:
    """Run statements past the ledger, and return what the last one found."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    engine = create_engine(parsed)
    try:
        with engine.begin() as connection:
            for statement in statements[:-1]:
                connection.exec_driver_sql(statement)
            result = connection.exec_driver_sql(statements[-1])
            return list(result.all()) if result.returns_rows else []
    finally:
        engine.dispose()


on_every_database: Callable[..., Any] = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
