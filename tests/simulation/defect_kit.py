"""Deliberate mistakes for the simulation to catch: how they are made and kept. None of this exists outside the tests.

A defect is a context in which the code has the mistake; each is one that somebody could plausibly make.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from actors.base import GuardedActor
from protocol.outcome import Outcome

Defect = Callable[[], contextlib.AbstractContextManager[Any]]

DEFECTS: dict[str, Defect] = {}
"""All of them, by name."""


def defect(make: Callable[[], Iterator[None]]) -> Defect:
    """Have it in the table under the name of its function."""
    context = contextlib.contextmanager(make)
    DEFECTS[make.__name__.replace("_", " ")] = context
    return context


def changed(outcome: Outcome, **fields: Any) -> Outcome:
    """The outcome with other fields."""
    return msgspec.structs.replace(outcome, **fields)


@contextlib.contextmanager
def handler_of(owner: type[GuardedActor], handler: Callable[..., None], instead: Callable[..., None]) -> Iterator[None]:
    """Put another handler in the place of this one, in the tables of the class and of those derived from it."""
    tables = [table for table in _tables(owner) if handler in table.values()]
    before = [dict(table) for table in tables]
    for table in tables:
        table.update({kind: instead for kind, each in table.items() if each is handler})
    try:
        yield
    finally:
        for table, old in zip(tables, before, strict=True):
            table.update(old)


def _tables(owner: type[GuardedActor]) -> Iterator[dict[type, Callable[..., None]]]:
    yield owner._handlers
    for child in owner.__subclasses__():
        yield from _tables(child)
