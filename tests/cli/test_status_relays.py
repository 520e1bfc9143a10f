"""What `arb status` says of relayed books, on both ends."""

from __future__ import annotations

from typing import Any

from cli.output import Style
from cli.status_view import render

ROW: dict[str, Any] = {
    "platform": "kalshi",
    "trader": "k1",
    "state": "relayed",
    "reason": None,
    "wanted": 1200,
    "books": 1198,
    "age_ms": 71,
    "lag_ms": 2,
    "gaps": 1,
    "snapshots": 2400,
    "bytes_per_s": 5120,
    "standing_by": ["k2"],
    "cannot": ["rust-peer speaks level 1"],
}


def test_who_relays_how_old_it_is_and_what_it_costs() -> None:
    assert render({"relays": {"platforms": [ROW]}}, Style(), 100).splitlines()[-4:] == [
        "Relayed books",
        "  relayed  by           books     newest  late  gaps  snapshots  bytes/s  standing by",
        "  kalshi   k1  1,198 of 1,200  71 ms ago  2 ms     1      2,400    5,120  k2",
        "  rust-peer speaks level 1",
    ]


def test_a_platform_without_books_says_why_as_an_alarm() -> None:
    nobody = {"platform": "kalshi", "trader": None, "state": "none", "reason": "no trader relays kalshi", "gaps": 0}
    shown = render({"relays": {"platforms": [nobody]}}, Style(colour=True), 80)
    assert "\x1b[31m  kalshi has no books: no trader relays kalshi\x1b[0m" in shown
    assert "nobody" in shown


def test_a_trader_shows_what_it_relays() -> None:
    row = {
        "platform": "kalshi",
        "feed": "up",
        "reason": None,
        "age_ms": 3000,
        "books": 14,
        "wanted": 2,
        "snapshots": 2,
        "bytes": 15593,
        "merged": 234,
        "stalled": False,
    }
    assert render({"relaying": {"platforms": [row]}}, Style(), 100).splitlines()[-2:] == [
        "  relays  feed   newest  books  asked for  snapshots   bytes  merged",
        "  kalshi  up    3 s ago     14          2          2  15,593     234",
    ]
    assert "not read by the controller" in render({"relaying": {"platforms": [row | {"stalled": True}]}}, Style(), 120)
