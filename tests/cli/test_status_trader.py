"""What `arb status` says of a trader's halts, its own limits, and of alerts."""

from __future__ import annotations

from typing import Any

import pytest

from cli.output import Style
from cli.status_view import render

TRADER: dict[str, Any] = {
    "platforms": ["kalshi"],
    "halts": {
        "operator": {"reason": "going to bed", "everything": True, "since_us": 1},
        "controller": {"reason": "daily loss", "everything": False, "since_us": 2},
    },
    "refused": {"price band": 1_200, "halted": 2},
}
ALERTS: dict[str, Any] = {
    "services": [{"service": "1 (ntfy)", "waiting": 3, "sent": 12, "failed": 4, "lost": 5}],
    "held_back": 0,
}


def test_a_halt_is_an_alarm_and_refusals_are_counted_by_reason() -> None:
    shown = render({"traders": [TRADER]}, Style(colour=True), 80)
    assert "\x1b[31m  halted by the operator: going to bed\x1b[0m" in shown
    assert "\x1b[31m  reduced to selling by the controller: daily loss\x1b[0m" in shown
    assert "refused by its own limits: 1,200 price band, 2 halted" in shown


def test_a_trader_without_either_says_nothing_of_it() -> None:
    shown = render({"traders": [TRADER | {"halts": {}, "refused": {}}]}, Style(), 80)
    assert "halted" not in shown
    assert "refused" not in shown


def test_alerts_show_what_did_not_arrive() -> None:
    assert render({"alerts": ALERTS}, Style(), 80).splitlines()[-3:] == [
        "Alerts",
        "  alerts to  sent  waiting  failed  lost",
        "  1 (ntfy)     12        3       4     5",
    ]


@pytest.mark.parametrize("value", [None, 7, "x", [], {}, {"operator": 7}, [7]])
@pytest.mark.parametrize("name", ["halts", "refused", "alerts", "services"])
def test_another_versions_values_are_no_traceback(name: str, value: object) -> None:
    document = {"traders": [TRADER | {name: value}], "alerts": value if name == "alerts" else {"services": value}}
    assert isinstance(render(document, Style(), 80), str)
