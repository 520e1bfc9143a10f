"""What is wrong costs a clear line, or the start; nothing else stops working."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from tests.e2e.captures import arbs, steady_market, ticker, write_capture, write_pairs
from tests.e2e.processes import PATIENCE_S, Controller, Done, Stage, stages
from tests.e2e.raw import RawTrader, raw_trader

# At the start


@dataclass(frozen=True, slots=True)
class Start:
    """A start that must fail: what is wrong, the words, and what the one line about it must name."""

    words: tuple[str, ...]
    named: tuple[str, ...]
    files: tuple[tuple[str, str], ...] = ()
    env: tuple[tuple[str, str], ...] = ()


PAIR = '[[pairs]]\npair_id = "good"\nkalshi_market_ticker = "KXA"\n'
MARKET = ("--pairs", "{home}/pairs.toml", "--feed", "replay:{home}/market.jsonl")
CONTROLLER = ("run", "controller", "--bind", "127.0.0.1:0")

STARTS = {
    "pairs file missing": Start((*CONTROLLER, "--pairs", "{home}/none.toml"), ("{home}/none.toml", "No such file")),
    "pairs file is no TOML": Start(
        (*CONTROLLER, *MARKET), ("{home}/pairs.toml", "line 1", "not TOML"), files=(("pairs.toml", "pairs = = 1"),)
    ),
    "a pair with a wrong field": Start(
        (*CONTROLLER, *MARKET),
        ("{home}/pairs.toml", "pair 2 ('bad')", "kalshi_tick", "0.01"),
        files=(("pairs.toml", PAIR + PAIR.replace("good", "bad") + 'kalshi_tick = "a cent"\n'),),
    ),
    "a recording without pairs": Start((*CONTROLLER, "--feed", "replay:{home}/market.jsonl"), ("--pairs",)),
    "recording missing": Start(
        (*CONTROLLER, "--pairs", "{home}/pairs.toml", "--feed", "replay:{home}/none.jsonl"), ("{home}/none.jsonl",)
    ),
    "configuration broken": Start(
        CONTROLLER,
        ("{home}/config.toml", "line 2", "column 9"),
        files=(("config.toml", 'role = "trader"\nspeed = = 1'),),
    ),
    "configuration with a wrong value": Start(
        CONTROLLER, ("ws_port", "70000", "{home}/config.toml", "65535"), files=(("config.toml", "ws_port = 70000"),)
    ),
    "port in use": Start(
        ("run", "controller", "--bind", "127.0.0.1:{taken}"), ("127.0.0.1:{taken}", "another program listens there")
    ),
    "everybody's address without a token": Start(
        ("run", "controller", "--bind", "0.0.0.0:0"),
        ("0.0.0.0", "token", "--insecure"),  # noqa: S104 -- refused, that is the point
    ),
    "certificate missing": Start(
        CONTROLLER, ("{home}/cert.pem",), env=(("ARB_TLS_CERT", "{home}/cert.pem"), ("ARB_TLS_KEY", "{home}/key.pem"))
    ),
    "boot counter damaged": Start(
        CONTROLLER, ("{home}/controller_boot", "number of starts"), files=(("controller_boot", "seven"),)
    ),
    "no key for Kalshi": Start(
        ("run", "trader", "--venue", "live", "--platform", "kalshi"),
        ("kalshi.key_id", "kalshi.key_file", "{home}/config.toml"),
    ),
    "no wallet for Polymarket": Start(
        ("run", "trader", "--venue", "live", "--platform", "polymarket"),
        ("polymarket.key_file", "{home}/config.toml"),
    ),
    "beacon port in use": Start(
        ("run", "trader"), ("UDP", "{deaf}", "beacon_port", "WEBSOCKET_URL"), env=(("ARB_BEACON_PORT", "{deaf}"),)
    ),
    "CA file missing": Start(
        ("run", "trader", "--url", "wss://127.0.0.1:1"), ("{home}/ca.pem",), env=(("ARB_TLS_CA", "{home}/ca.pem"),)
    ),
}


Failed = tuple[Done, dict[str, str]]


@pytest.fixture(scope="module")
def failed() -> Iterator[dict[str, Future[Failed]]]:
    """Every start, several at a time, each in a home of its own: how it ended, and what its placeholders stood for."""
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as taken,
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as deaf,
        stages(*({} for _ in STARTS)) as homes,
    ):
        deaf.bind(("127.0.0.1", 0))
        ports = {"taken": str(taken.getsockname()[1]), "deaf": str(deaf.getsockname()[1])}

        def attempt(start: Start, stage: Stage) -> Failed:
            meant = {"home": str(stage.home), **ports}
            files = {"market.jsonl": "", "pairs.toml": PAIR} | dict(start.files)
            for name, text in files.items():
                (stage.home / name).write_text(text)
            words = [word.format(**meant) for word in start.words]
            return stage.arb(*words, **{name: value.format(**meant) for name, value in start.env}), meant

        with ThreadPoolExecutor(4) as pool:
            tried = [pool.submit(attempt, start, stage) for start, stage in zip(STARTS.values(), homes, strict=True)]
        yield dict(zip(STARTS, tried, strict=True))


@pytest.mark.parametrize("case", STARTS)
def test_a_start_that_cannot_be_ends_with_one_line_that_names_what_is_wrong(
    failed: dict[str, Future[Failed]], case: str
) -> None:
    start, (done, meant) = STARTS[case], failed[case].result()
    complaints = [line for line in done.err.splitlines() if line.startswith("arb: ")]
    assert "Traceback" not in done.err, done.err
    assert len(complaints) == 1, done.err
    for named in start.named:
        assert named.format(**meant) in complaints[0]
    assert done.code == 4
    assert done.out == ""


# On the link


@pytest.fixture(scope="module")
def trading() -> Iterator[Controller]:
    """A controller and a good trader that trade for four minutes, as long as nothing stops them."""
    with stages({}) as (stage,):
        controller = stage.controller(*steady_market(stage.home, count=5000))
        stage.trader("--name", "good", "--url", controller.url)
        controller.wait_for_trades(1)
        yield controller


def keep_saying(peer: RawTrader, frame: str | bytes) -> None:
    with suppress(ConnectionClosed):
        for _ in range(20):
            peer.send_raw(frame)


def say_what_is_no_json(peer: RawTrader) -> str:
    keep_saying(peer, "hello?")
    assert peer.ends() == 1008
    return "frames that do not parse"


def say_what_is_binary(peer: RawTrader) -> str:
    keep_saying(peer, b"\x00\xff" * 50)
    assert peer.ends() == 1008
    return "binary frame of 100 bytes"


def say_ten_megabytes(peer: RawTrader) -> str:
    peer.send_raw(json.dumps({"type": "ping", "padding": "x" * 10_000_000}))
    assert peer.ends() == 1009
    return "1009"


def say_what_is_from_the_future(peer: RawTrader) -> str:
    assert peer.receive()["type"] == "init"
    for number in range(50):
        peer.send({"type": f"word_{number}", "value": number})
    peer.send({"type": "ping", "timestamp": 7})
    assert peer.next("pong")["timestamp"] == 7
    return "ignored a message of unknown type 'word_49'"


def say_hello_for_nobody(peer: RawTrader) -> str:
    peer.send({"type": "init_ack", "success": True, "platforms": ["predictit"], "error": None})
    return "registers nothing: it offers predictit"


def say_no(peer: RawTrader) -> str:
    peer.send({"type": "init_ack", "success": False, "platforms": ["kalshi"], "error": "keys missing"})
    return "registers nothing: keys missing"


def say_hello_in_other_words(peer: RawTrader) -> str:
    peer.send({"type": "init_ack", "success": "yes", "platforms": "kalshi"})
    return "success"


def say_prices_that_are_none(peer: RawTrader) -> str:
    result = {"type": "leg_result", "leg_id": "x", "platform": "kalshi", "success": True, "filled": 1}
    peer.send(result | {"avg_price": float("nan")})
    peer.send(result | {"avg_price": float("inf")})
    peer.send(result | {"filled": -1})
    peer.send(result | {"filled": True})
    return "avg_price"


def answer_what_was_not_asked(peer: RawTrader) -> str:
    peer.hello("predictit")
    leg = {"leg_id": "nobodys-leg", "platform": "kalshi", "contracts": 10, "price": 52}
    peer.fill(leg)
    return "nobodys-leg"


def nest_deeply(peer: RawTrader) -> str:
    peer.send_raw("[" * 30_000)
    return "not JSON"


@pytest.mark.parametrize(
    "misbehave",
    [
        say_what_is_no_json,
        say_what_is_binary,
        say_ten_megabytes,
        say_what_is_from_the_future,
        say_hello_for_nobody,
        say_no,
        say_hello_in_other_words,
        say_prices_that_are_none,
        answer_what_was_not_asked,
        nest_deeply,
    ],
    ids=lambda misbehave: misbehave.__name__,
)
def test_a_peer_that_makes_no_sense_is_logged_and_the_good_trader_trades_on(
    trading: Controller, misbehave: Callable[[RawTrader], str]
) -> None:
    seen = len(trading.lines)
    with raw_trader(trading.url) as peer:
        logged = misbehave(peer)
        trading.wait_for_line(logged, after=seen)
        said = trading.wait_for_trades(2)
    assert said["paths"]["kalshi"].startswith("remote: good-")
    assert said["trades"]["naked"] == said["trades"]["unknown"] == 0


def test_what_is_no_websocket_is_refused_and_the_good_trader_trades_on(trading: Controller) -> None:
    seen = len(trading.lines)
    for request, answer in (
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"426"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n", b""),
        (b"A" * 100_000, b""),
    ):
        with closing(socket.create_connection(("127.0.0.1", trading.port), PATIENCE_S)) as link:
            link.settimeout(PATIENCE_S)
            link.sendall(request)
            assert answer in said_until_the_end(link)
    trading.wait_for_line("warning", "[WS]", "refused", after=seen)
    trading.wait_for_trades(2)


def said_until_the_end(link: socket.socket) -> bytes:
    said = b""
    try:
        while chunk := link.recv(65_536):
            said += chunk
    except ConnectionResetError:
        pass
    return said


# In a recording


def whole(folder: Path, suffix: str = ".jsonl") -> Path:
    write_pairs(folder / "pairs.toml")
    return write_capture(folder / f"whole{suffix}", arbs(3))


def cut_gzip(folder: Path) -> tuple[Path, str]:
    """Two thirds of the compressed bytes; uncompressed blocks, so that this is two thirds of the lines."""
    text = whole(folder).read_bytes()
    data = gzip.compress(text, 0)
    file = folder / "cut.jsonl.gz"
    file.write_bytes(data[: len(data) * 2 // 3])
    return file, "truncated at line"


def half_a_line(folder: Path) -> tuple[Path, str]:
    data = whole(folder).read_bytes()
    file = folder / "half.jsonl"
    file.write_bytes(data[:-30])
    return file, "truncated at line 11"


def a_line_of_nonsense(folder: Path) -> tuple[Path, str]:
    lines = whole(folder).read_text().splitlines()
    lines[8] = '{"t": "yesterday", "venue": "kalshi"}'
    file = folder / "nonsense.jsonl"
    file.write_text("\n".join(lines) + "\n")
    return file, "line 9"


@pytest.mark.parametrize("damage", [cut_gzip, half_a_line, a_line_of_nonsense], ids=lambda damage: damage.__name__)
def test_a_damaged_recording_is_played_as_far_as_it_goes_and_the_damage_is_an_error(
    stage: Stage, damage: Callable[[Path], tuple[Path, str]]
) -> None:
    file, where = damage(stage.home)
    pairs = str(stage.home / "pairs.toml")
    market = ("--feed", f"replay:{file}", "--pairs", pairs, "--speed", "0", "--local", "kalshi,polymarket")
    controller = stage.controller(*market)
    controller.wait_for_line("error", "[FEED]", str(file), where)
    said = controller.wait_until(lambda said: said["trades"]["hedged"] >= 2, "what came before it is traded")
    assert {feed["state"] for feed in said["feeds"]} == {"failed"}
    assert all(where in feed["lost_reason"] for feed in said["feeds"])
    # The process goes on, and so does its status; it ends when it is told to.
    assert said["state"] == "ACTIVE"
    assert controller.stop() == 0
    done = stage.arb("replay", str(file), "--pairs", pairs, "--json")
    assert done.code == 1
    assert f"arb: {file}: " in done.err
    assert where in done.err
    assert len([line for line in done.out.splitlines() if json.loads(line)["event"] == "open"]) >= 2


def test_a_controller_that_ends_with_its_recording_says_so_when_that_was_damaged(stage: Stage) -> None:
    file, _ = half_a_line(stage.home)
    market = ("--feed", f"replay:{file}", "--pairs", str(stage.home / "pairs.toml"), "--speed", "0")
    assert stage.controller(*market, "--exit-at-end").ended() == 1


def test_a_frame_of_a_recording_that_makes_no_sense_costs_its_book_and_no_other(stage: Stage) -> None:
    lines = arbs(40, pairs=2)
    bad = {"type": "orderbook_delta", "sid": 1, "seq": 21, "msg": {"market_ticker": ticker(0), "price_dollars": "NaN"}}
    lines[60] = lines[60] | {"venue": "kalshi", "frame": json.dumps(bad)}
    capture = write_capture(stage.home / "bad.jsonl", lines)
    pairs = write_pairs(stage.home / "pairs.toml", range(2))
    market = ("--feed", f"replay:{capture}", "--pairs", str(pairs), "--speed", "0", "--local", "kalshi,polymarket")
    controller = stage.controller(*market)
    controller.wait_for_line("warning", "[FEED]", "line 61 of the recording")
    said = controller.wait_until(lambda said: {feed["state"] for feed in said["feeds"]} == {"ended"}, "the end")
    assert said["trades"]["hedged"] >= 38
