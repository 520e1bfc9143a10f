"""What is latched or has no book, in a status for a person."""

from __future__ import annotations

from cli.output import Style
from cli.status_view import render


def test_latched_markets_are_named_by_their_pairs_with_the_reason_and_each_once() -> None:
    tokens = [
        {"platform": "polymarket", "market": str(number), "pairs": [f"p{number // 2}"], "reason": "its tick changed"}
        for number in range(14)
    ]
    lost = [{"platform": "polymarket", "market": "71", "pairs": [], "reason": "it is closed"}]
    shown = render({"latched": tokens, "without_book": lost}, Style(), 80)
    assert shown.count("nothing opens on p0 (polymarket): its tick changed") == 1
    assert "nothing opens on 2 more; --json has all" in shown
    assert "no book of 71 (polymarket): it is closed" in shown
