"""Alerts over real HTTP: they arrive, and a service that hangs, refuses or is gone delays nothing and nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from actors.alert_desk import SECOND_US, AlertRules
from actors.messages import Note
from protocol.terms import PairId
from tests.alert_server import PATIENCE_S, SECRET, serving
from transport import alerts as alerts_module
from transport.alerts import AlertPlan, Alerts, AlertsError, AlertService, apprise_services, make_alerts
from transport.host import SystemTime


def plan(*urls: str, **rules: Any) -> AlertPlan:
    return AlertPlan(urls=urls, rules=AlertRules(**rules), zone=ZoneInfo("UTC"), hour=0, where="trader k1")


def in_loop(what: Callable[[Alerts], None], made: AlertPlan) -> None:
    """Do this with the alerts of a running loop, and close them."""

    async def main() -> None:
        alerts = make_alerts(made)
        assert alerts is not None
        try:
            what(alerts)
        finally:
            alerts.close()

    asyncio.run(main())


def naked(number: int = 0) -> Note:
    return Note("HYBRID", "NAKED: trade t1 stays open: no book", "error", None, PairId(f"pair_{number}"), "naked")


def test_an_alert_arrives_with_the_process_that_sent_it() -> None:
    with serving() as server:
        in_loop(lambda alerts: alerts.observe(naked()), plan(server.url))
        post = server.post()
    assert post["title"] == "arb trader k1: Naked leg"
    assert post["message"] == "NAKED: trade t1 stays open: no book [pair_0]"


def test_a_service_that_hangs_delays_neither_the_caller_nor_another_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts_module, "MAX_WAITING", 5)
    monkeypatch.setattr(alerts_module, "CLOSE_S", 0.05)
    with serving(hangs=True) as slow, serving() as quick:

        def tell(alerts: Alerts) -> None:
            for number in range(20):
                # Returns while the slow one still holds its first request; the quick one gets every one of them.
                alerts.observe(naked(number))
                assert quick.post()["message"].endswith(f"[pair_{number}]")
            assert slow.asked.wait(PATIENCE_S)
            hung, well = alerts.describe()["services"]
            assert (hung["sent"], hung["waiting"], hung["lost"]) == (0, 5, 14)
            assert (well["lost"], well["failed"]) == (0, 0)

        in_loop(tell, plan(slow.url, quick.url))
        assert not slow.released.is_set(), "the end did not wait for it either"


@pytest.mark.parametrize("code", [400, 500])
def test_a_service_that_refuses_is_counted_and_said_once(code: int, capfd: pytest.CaptureFixture[str]) -> None:
    with serving(code) as server:

        def tell(alerts: Alerts) -> None:
            for number in range(3):
                alerts.observe(naked(number))
            for _ in range(3):
                server.post()

        in_loop(tell, plan(server.url))
    said = capfd.readouterr().err
    assert SECRET not in said


def test_a_service_that_is_gone_fails_and_ends_in_time() -> None:
    with serving() as server:
        url = server.url
    service = AlertService(*apprise_services([url])[0])
    service.put("title", "text")
    until = SystemTime().mono_us() / 1_000_000 + PATIENCE_S
    assert service.close(until)
    assert service.describe() == {"service": "1 (json)", "waiting": 0, "sent": 0, "failed": 1, "lost": 0}


def test_whatever_a_service_raises_the_next_alert_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(alerts_module, "log_event", lambda *words: said.append(str(words)))
    tries: list[str] = []

    def send(title: str, _text: str) -> bool:
        tries.append(title)
        if len(tries) < 3:
            raise RuntimeError(SECRET)
        return True

    service = AlertService("1 (x)", send)
    for title in "abcd":
        service.put(title, "")
    assert service.close(SystemTime().mono_us() / 1_000_000 + PATIENCE_S)
    assert tries == list("abcd")
    assert (service.sent, service.failed) == (2, 2)
    assert ["takes no" in line for line in said] == [True, False]
    assert SECRET not in "".join(said)


def test_a_url_that_no_service_has_is_named_by_its_number_alone() -> None:
    with pytest.raises(AlertsError, match="number 2") as caught:
        apprise_services(["json://127.0.0.1", f"nonsense://{SECRET}"])
    assert SECRET not in str(caught.value)


def test_without_a_url_nothing_is_made() -> None:
    assert make_alerts(plan()) is None
    assert make_alerts(None) is None


def test_a_desk_that_fails_raises_nothing_into_the_turn() -> None:
    with serving() as server:

        def tell(alerts: Alerts) -> None:
            alerts.desk.take = None  # type: ignore[method-assign, assignment]
            alerts.observe(naked())
            alerts.observe(naked())
            assert alerts.describe()["errors"] == 2

        in_loop(tell, plan(server.url))


def test_what_is_due_by_time_comes_without_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts_module, "TICK_S", 0.001)
    with serving() as server:

        async def main() -> dict[str, Any]:
            alerts = make_alerts(plan(server.url, unknown_us=SECOND_US // 1_000))
            assert alerts is not None
            alerts.desk.unknown["l1"] = (1, "pair_0")
            try:
                return await asyncio.to_thread(server.post)
            finally:
                alerts.close()

        assert "what became of leg l1" in asyncio.run(main())["message"]
