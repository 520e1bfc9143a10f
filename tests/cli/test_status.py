"""`arb status` shows what answers now, and nothing else; the picture fits 80 columns whatever another version says."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.error import CliError
from cli.output import Style
from cli.status import REQUEST, run
from cli.status_view import render
from config.home import ArbHome
from tests.cli.process import arb
from transport.status_client import NoAnswer, NotRunning, PathTooLong

LEG = {
    "leg_id": "0an3k-1",
    "platform": "polymarket",
    "side": "yes",
    "action": "buy",
    "asked": 100,
    "filled": 100,
    "price": Decimal("46.9"),
    "limit": 47,
    "fees_usd": 0,
    "status": "filled",
    "path": "remote:p1",
    "error": None,
    "paper": True,
}
CONTROLLER: dict[str, Any] = {
    "role": "controller",
    "version": "0.1.0",
    "pid": 4242,
    "uptime_s": 3725.4,
    "dry_run": True,
    "dry_run_by": "default",
    "state": "ACTIVE",
    "reason": None,
    "feed": "live",
    "pairs": 2,
    "addresses": ["127.0.0.1:9001", "100.64.0.3:9001"],
    "feeds": [
        {"platform": "kalshi", "state": "up", "age_ms": 120, "frames": 12345, "lost_reason": None},
        {"platform": "polymarket", "state": "lost", "age_ms": 31000, "frames": 3210, "lost_reason": "silent for 30 s"},
    ],
    "connections": [
        {
            "conn_id": "c1",
            "peer": "100.64.0.7:51234",
            "trader_id": "t7f3a91bc22",
            "platforms": ["kalshi"],
            "level": 2,
            "since_s": 303,
            "dry_run": True,
            "missing": [],
        },
        {
            "conn_id": "c2",
            "peer": "127.0.0.1:51238",
            "trader_id": None,
            "platforms": ["kalshi", "polymarket"],
            "level": 1,
            "since_s": 3,
            "dry_run": False,
            "missing": ["proof of fills: its success without a count is unknown", "expiry: a late leg may be executed"],
        },
    ],
    "trades": {"open": 1, "legs_out": 1, "settling": 0, "hedged": 12, "naked": 1, "unknown": 0, "aborted": 3},
    "totals": {
        "contracts": Decimal("1200.5"),
        "cost_usd": Decimal("572.6"),
        "fees_usd": Decimal("1.2175"),
        "edge_locked_usd": Decimal("33.44"),
        "unknown_legs": 1,
    },
    "recent_trades": [
        {
            "trade_id": "0an3k2p900002f3a91bc2-000004",
            "pair_id": "nba_mvp_2026_shai",
            "arb_type": "poly_yes_kalshi_no",
            "state": "naked",
            "reason": "fills differ by 100",
            "contracts": 100,
            "edge_usd": Decimal("2.31"),
            "legs": [
                LEG,
                LEG
                | {"platform": "kalshi", "side": "no", "filled": 0, "price": None, "status": "rejected", "paper": False}
                | {"path": "local", "error": "the market is closed: the venue takes no orders any more"},
            ],
        }
    ],
    "positions": [
        {
            "pair_id": "nba_mvp_2026_shai",
            "platform": "polymarket",
            "side": "yes",
            "contracts": 100,
            "avg_price": Decimal("46.9049"),
            "cost_usd": Decimal("46.9"),
            "fees_usd": 0,
        }
    ],
    "aborted": {"no path for polymarket: not executed here, and no trader is connected": 2, "stale book": 1},
    "problems": [],
    "counters": {"legs_sent": 24, "updates": 15555, "frames_bad": 0},
}
LINK = {
    "conn_id": 1,
    "peer": "127.0.0.1:9001",
    "state": "ready",
    "controller_id": "c32c54699c2",
    "level": 2,
    "since_s": 13,
    "unacked": 3,
    "withheld": {"c0ffee": 2},
}
OTHERS: dict[str, Any] = {
    "link": LINK,
    "beacon": {"sent": 7, "heard": "ws://127.0.0.1:9001", "ignored_sources": 1},
    "paths": {"kalshi": "local"},
    "routes": {"kalshi": ["t1"]},
    "traders": [{"platforms": ["kalshi"], "dry_run": True, "open_legs": 1, "answers": {"filled": 1}}],
    "opportunities": {"opened": 3},
    "open_opportunities": 1,
    "restarts": 1,
    "venue": "paper",
}
PICTURE = """\
arb controller  0.1.0  ACTIVE  pid 4242, up 1 h 02 m
dry run by default: nothing reaches a venue

feed live, 2 pairs
listens on 127.0.0.1:9001, 100.64.0.3:9001

Feeds
  feed        state  last frame  frames  why
  kalshi      up     120 ms ago  12,345
  polymarket  lost     31 s ago   3,210  silent for 30 s

Connections
  trader       from              executes           level     since  mode
  t7f3a91bc22  100.64.0.7:51234  kalshi                 2  5 m 03 s  dry run
  c2           127.0.0.1:51238   kalshi,polymarket      1       3 s  live

Not promised by a peer
  c2: proof of fills: its success without a count is unknown
  c2: expiry: a late leg may be executed

Not settled
  naked: trade 0an3k2p900002f3a91bc2-000004: fills differ by 100

Trades
  1 open, 12 hedged, 1 naked, 0 unknown, 3 aborted, 1 legs out
  1,200.5 contracts, cost $572.60, fees $1.2175
  edge locked in $33.44
  legs of unknown outcome, in none of these sums: 1

Aborted before anything was sent
  times  reason
      2  no path for polymarket: not executed here, and no trader is connected
      1  stale book

Recent trades
  naked  100 x nba_mvp_2026_shai  poly_yes_kalshi_no  edge $2.31
    leg                  filled     at  limit   fees  status    by
    buy yes polymarket  100/100  46.9c    47c  $0.00  filled    p1
    buy no kalshi         0/100           47c  $0.00  rejected  local
    buy no kalshi: the market is closed: the venue takes no orders any more
    fills differ by 100
    0an3k2p900002f3a91bc2-000004

Positions
  pair               platform    side  contracts  average    cost   fees
  nba_mvp_2026_shai  polymarket  yes         100    46.9c  $46.90  $0.00

Counters
  frames_bad       0   legs_sent       24   updates     15,555"""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.decimals(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def trader(name: str) -> dict[str, Any]:
    return {"role": "trader", "name": name, "version": "0.1.0"}


def home_with_sockets(folder: Path, *names: str) -> ArbHome:
    home = ArbHome(folder)
    for name in names:
        (home.ensure_run_dir() / f"{name}.sock").touch()
    return home


class Answering:
    """Stands in for the processes: what each socket answers or raises."""

    def __init__(self, **answers: dict[str, Any] | Exception) -> None:
        self.answers = {name.replace("_", "-"): answer for name, answer in answers.items()}
        self.requests: list[dict[str, Any]] = []

    def ask(self, path: Path, request: dict[str, Any], _timeout: float) -> dict[str, Any]:
        self.requests.append(request)
        answer = self.answers[path.stem]
        if isinstance(answer, Exception):
            raise answer
        return answer


# The picture


def test_the_picture() -> None:
    assert render(CONTROLLER, Style(), 80) == PICTURE


def test_no_line_of_the_picture_is_wider_than_80() -> None:
    assert max(len(line) for line in PICTURE.splitlines()) <= 80


def test_live_is_said_loudly_and_by_whom() -> None:
    live = render({"role": "trader", "dry_run": False, "dry_run_by": "flag --live"}, Style(colour=True), 80)
    assert "\x1b[31mLIVE by flag --live: orders are real\x1b[0m" in live


def test_a_rehearsal_is_not_called_real() -> None:
    said = {"role": "trader", "dry_run": False, "dry_run_by": "file config.toml", "rehearsal": True}
    live = render(said, Style(), 100)
    assert "LIVE by file config.toml, a rehearsal: orders go to exchanges on this machine" in live
    assert "orders are real" not in live
    assert "orders are real" in render(said | {"rehearsal": False}, Style(), 100)


@pytest.mark.parametrize("state", ["HALTED", "REDUCING"])
def test_a_state_that_is_not_active_is_an_alarm(state: str) -> None:
    assert f"\x1b[31m{state}\x1b[0m" in render({"role": "controller", "state": state}, Style(colour=True), 80)


def test_a_naked_trade_is_an_alarm_and_none_is_not() -> None:
    alarm = "\x1b[31m1 naked\x1b[0m"
    assert alarm in render({"trades": {"naked": 1}}, Style(colour=True), 80)
    assert alarm not in render({"trades": {"naked": 0}}, Style(colour=True), 80)


def test_why_it_is_halted_stands_beside_the_state() -> None:
    assert "HALTED: the scanner failed twice" in render(
        {"role": "controller", "state": "HALTED", "reason": "the scanner failed twice"}, Style(), 80
    )


def test_a_traders_link_has_a_section_of_its_own() -> None:
    assert render({"role": "trader", "name": "k1", "link": LINK}, Style(), 80) == (
        "arb trader k1\n\n"
        "Link\n"
        "  controller      id           state  level  since  results not acked\n"
        "  127.0.0.1:9001  c32c54699c2  ready      2   13 s                  3\n"
        "  2 results wait for controller c0ffee, which sent those legs: no other is told"
    )


def test_a_connection_that_is_not_ready_says_so() -> None:
    link = {"conn_id": "c1", "state": "hello", "dry_run": True}
    assert "hello" in render({"connections": [link]}, Style(), 80)


def test_trades_on_paper_are_marked() -> None:
    trade = {"state": "hedged", "contracts": 5, "pair_id": "p", "legs": [LEG, LEG]}
    assert "  hedged  5 x p  (paper)\n" in render({"recent_trades": [trade]}, Style(), 80)
    trade["legs"] = [LEG, LEG | {"paper": False}]
    assert "paper" not in render({"recent_trades": [trade]}, Style(), 80)


def test_only_the_last_trades_and_problems_fill_the_screen() -> None:
    trades = [{"state": "hedged", "trade_id": f"T{number}."} for number in range(9)]
    problems = [{"t": 0, "component": "WS", "text": f"P{number}."} for number in range(9)]
    shown = render({"recent_trades": trades, "problems": problems}, Style(), 80)
    assert "Recent trades  the last 5 of 9; --json has all" in shown
    assert "Problems  the last 5 of 9; --json has all" in shown
    assert "T4." in shown
    assert "T3." not in shown
    assert "  --:--:-- [WS] P8." in shown
    assert "P3." not in shown


def test_a_problem_has_its_time_and_what_it_concerns() -> None:
    problem = {"t": 1_795_347_304_029_111, "component": "HYBRID", "text": "late", "leg_id": "L1", "pair_id": "nba"}
    line = render({"problems": [problem]}, Style(), 80).splitlines()[-1]
    assert re.fullmatch(r"  \d\d:\d\d:\d\d \[HYBRID\] late leg=L1 pair=nba", line)


def test_a_problem_shows_its_age_and_one_that_comes_again_is_counted() -> None:
    now_us = 1_795_347_304_000_000
    aborted = {"component": "HYBRID", "text": "arb aborted", "level": "warning"}
    problems = [
        aborted | {"t": now_us - 125_000_000, "pair_id": "lal"},
        {"t": now_us - 60_000_000, "component": "WS", "text": "silent", "level": "error"},
        aborted | {"t": now_us - 3_000_000, "pair_id": "bos"},
    ]
    assert render({"problems": problems}, Style(), 80, now_us=now_us).splitlines()[-3:] == [
        "Problems",
        "  1 m 00 s ago [WS] silent",
        "  3 s ago [HYBRID] arb aborted (2 times)",
    ]


def test_paths_name_the_standby_and_what_nobody_executes() -> None:
    document = {
        "feeds": [{"platform": "kalshi"}, {"platform": "polymarket"}],
        "paths": {"kalshi": "remote: t1"},
        "routes": {"kalshi": ["t1", "t2"]},
    }
    shown = render(document, Style(colour=True), 80)
    assert "kalshi    t1           t2" in shown
    assert "\x1b[31m  nobody executes polymarket: arbs that need it are rejected\x1b[0m" in shown
    assert "nobody" not in render(document | {"paths": {"kalshi": "local", "polymarket": "local"}}, Style(), 80)


def test_a_trader_shows_what_it_executes_and_what_became_of_it() -> None:
    trader = {
        "platforms": ["kalshi", "polymarket"],
        "dry_run": True,
        "max_leg_notional_usd": 1000,
        "open_legs": 1,
        "answers": {"filled": 12, "rejected": 3},
    }
    assert render({"traders": [trader]}, Style(), 80).splitlines()[-2:] == [
        "  executes            mode     most a leg  at a venue  answered",
        "  kalshi, polymarket  dry run   $1,000.00           1  12 filled, 3 rejected",
    ]


def test_parts_that_were_replaced_are_an_alarm_and_none_is_not_mentioned() -> None:
    assert "\x1b[31mparts that failed and were replaced: 2" in render({"restarts": 2}, Style(colour=True), 80)
    assert "replaced" not in render({"restarts": 0}, Style(), 80)


def test_what_this_version_does_not_know_is_shown_whole() -> None:
    news = {"kalshi": {"latency_ms": 12, "words": ["many " * 10, "more"]}}
    shown = render({"role": "trader", "journal_depth": 7, "venue_health": news}, Style(), 60)
    assert "journal_depth 7" not in shown
    assert "journal depth 7\n" in shown
    assert " ".join(shown.split()).endswith(
        "venue health: kalshi latency ms 12, words many many many many many many many many many many , more"
    )
    assert max(map(len, shown.splitlines())) <= 60


@given(document=st.dictionaries(st.sampled_from([*CONTROLLER, *OTHERS, "news"]), JSON))
def test_another_versions_document_is_no_traceback(document: dict[str, Any]) -> None:
    assert isinstance(render(document, Style(), 80), str)


@pytest.mark.parametrize(
    "section",
    ["feeds", "connections", "recent_trades", "positions", "trades", "totals", "link", "beacon", "paths", "traders"],
)
@given(value=JSON)
def test_a_field_of_another_type_is_no_traceback(section: str, value: object) -> None:
    known = {**CONTROLLER, **OTHERS}[section]
    item = known[0] if isinstance(known, list) else known
    for name in item:
        changed = {**item, name: value}
        assert isinstance(render({section: [changed] if isinstance(known, list) else changed}, Style(), 80), str)


# The command


def test_everything_that_runs_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = home_with_sockets(tmp_path, "controller", "trader-a", "trader-b")
    answering = Answering(controller=CONTROLLER, trader_a=trader("a"), trader_b=trader("b"))
    assert run(role=None, as_json=False, home=home, asking=answering.ask) == 0
    out = capsys.readouterr().out
    assert out.index("arb controller") < out.index("arb trader a") < out.index("arb trader b")
    assert answering.requests == [dict(REQUEST)] * 3


def test_json_holds_the_documents_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = home_with_sockets(tmp_path, "controller", "trader-a")
    answering = Answering(controller=CONTROLLER, trader_a=trader("a"))
    assert run(role=None, as_json=True, home=home, asking=answering.ask) == 0
    shown = json.loads(capsys.readouterr().out, parse_float=Decimal)
    assert shown == {"controller": CONTROLLER | {"uptime_s": Decimal("3725.4")}, "traders": [trader("a")], "failed": {}}


def test_a_role_is_asked_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = home_with_sockets(tmp_path, "controller", "trader-a")
    answering = Answering(controller=CONTROLLER, trader_a=trader("a"))
    assert run(role="trader", as_json=True, home=home, asking=answering.ask) == 0
    assert json.loads(capsys.readouterr().out) == {"controller": None, "traders": [trader("a")], "failed": {}}
    assert len(answering.requests) == 1


@pytest.mark.parametrize(
    ("role", "words"),
    [(None, "neither a controller nor a trader"), ("controller", "no controller"), ("trader", "no trader")],
)
def test_nothing_running_is_exit_3_whatever_a_dead_process_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], role: str | None, words: str
) -> None:
    home = home_with_sockets(tmp_path, "controller", "trader-a")
    answering = Answering(controller=NotRunning("dead"), trader_a=NotRunning("dead"))
    with pytest.raises(CliError) as ended:
        run(role=role, as_json=True, home=home, asking=answering.ask)
    assert ended.value.exit_code == 3
    assert ended.value.text == f"{words} is running: nobody answers in {home.run_dir}"
    assert capsys.readouterr().out == ""


def test_a_dead_process_beside_a_living_one_is_not_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = home_with_sockets(tmp_path, "controller", "trader-a")
    answering = Answering(controller=NotRunning("dead"), trader_a=trader("a"))
    assert run(role=None, as_json=True, home=home, asking=answering.ask) == 0
    assert json.loads(capsys.readouterr().out)["controller"] is None


@pytest.mark.parametrize(
    ("answer", "code", "reason"),
    [
        (NoAnswer("no answer in 3 s"), 5, "no answer in 3 s"),
        (PathTooLong("too long"), 1, "too long"),
        ({"error": "internal error: KeyError"}, 1, "internal error: KeyError"),
    ],
)
def test_one_that_is_there_but_silent_is_named_and_the_others_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], answer: dict[str, Any] | Exception, code: int, reason: str
) -> None:
    home = home_with_sockets(tmp_path, "controller", "trader-a")
    answering = Answering(controller=answer, trader_a=trader("a"))
    assert run(role=None, as_json=True, home=home, asking=answering.ask) == code
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"controller": None, "traders": [trader("a")], "failed": {"controller": reason}}
    assert captured.err == f"arb: controller: {reason}\n"


# As a process, over a real socket


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(path))
        server.listen()
        server.settimeout(30)
        yield server


def answer_once(server: socket.socket, document: dict[str, Any]) -> dict[str, Any]:
    connection, _peer = server.accept()
    with connection:
        connection.settimeout(30)
        with connection.makefile("rwb") as stream:
            request = json.loads(stream.readline())
            stream.write(json.dumps(document, default=float).encode() + b"\n")
        assert isinstance(request, dict)
        return request


def test_the_command_asks_the_socket_and_shows_the_answer(arb_home: Path) -> None:
    run_dir = ArbHome(arb_home).ensure_run_dir()
    with listening(run_dir / "controller.sock") as server, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(answer_once, server, CONTROLLER)
        done = arb("status")
        assert asked.result(30) == dict(REQUEST)
    assert (done.code, done.err) == (0, "")
    assert done.out == f"{PICTURE}\n"


def test_the_command_says_when_nothing_runs(arb_home: Path) -> None:
    for words in (["status"], ["status", "--json"]):
        done = arb(*words)
        assert (done.code, done.out) == (3, "")
        assert done.err == f"arb: neither a controller nor a trader is running: nobody answers in {arb_home / 'run'}\n"
    assert not arb_home.exists()


def test_a_socket_that_a_killed_process_left_is_nothing_running(arb_home: Path) -> None:
    run_dir = ArbHome(arb_home).ensure_run_dir()
    with listening(run_dir / "controller.sock"):
        pass
    assert (run_dir / "controller.sock").exists()
    assert arb("status").code == 3
