"""What every fact of the ledger is made of."""

from __future__ import annotations

import msgspec


class Fact(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="fact", tag=str.lower):
    """Base of all facts. ``t`` is unix microseconds of the controller."""

    t: int
