"""What the end-to-end tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.processes import Stage, stages


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A home of its own; its processes are ended with the test, and their logs shown where it failed."""
    with stages({}) as (one,):
        yield one
