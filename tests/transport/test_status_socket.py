from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.transport.link_kit import BOUND_S, on_every_loop, turn
from transport import status_client, status_socket
from transport.status_client import MAX_REQUEST_BYTES, NoAnswer, NotRunning, PathTooLong, ask
from transport.status_socket import AlreadyRunning, StatusServer, UnsafePlace

Answer = dict[str, Any]


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A socket in a directory that does not exist yet; short, whatever the test is called."""
    return tmp_path_factory.mktemp("s") / "home" / "status.sock"


def _echo(request: Answer) -> Answer:
    return {"asked": request}


@contextlib.asynccontextmanager
async def _serving(
    path: Path, answer: Callable[[Answer], Answer | Awaitable[Answer]] = _echo, exchange_s: float = BOUND_S
) -> AsyncIterator[StatusServer]:
    server = StatusServer(path, answer, exchange_s=exchange_s)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def _ask(path: Path, request: Answer | None = None, within: float = BOUND_S) -> Answer:
    """The client is synchronous: in a thread, while the server runs here."""
    return await asyncio.wait_for(asyncio.to_thread(ask, path, request or {}, within), BOUND_S)


async def _exchange(path: Path, sent: bytes, *, ends: bool = True) -> bytes:
    reader, writer = await asyncio.open_unix_connection(os.fspath(path))
    try:
        with contextlib.suppress(ConnectionError):
            writer.write(sent)
            if ends:
                writer.write_eof()
        return await asyncio.wait_for(reader.read(), BOUND_S)
    finally:
        writer.transport.abort()
        await turn()


@on_every_loop
async def test_a_request_gets_its_answer_with_exact_numbers(path: Path) -> None:
    def answer(request: Answer) -> Answer:
        return {"asked": request, "edge": Decimal("0.1"), "trades": 3, "who": "\u20ac"}

    async with _serving(path, answer):
        said = await _ask(path, {"want": "status"})
        assert said == {"asked": {"want": "status"}, "edge": Decimal("0.1"), "trades": 3, "who": "\u20ac"}
        assert isinstance(said["edge"], Decimal)
        assert await _ask(path) == said | {"asked": {}}


@on_every_loop
async def test_an_answer_may_take_a_while(path: Path) -> None:
    async def answer(_request: Answer) -> Answer:
        await turn()
        return {"late": True}

    async with _serving(path, answer):
        assert await _ask(path) == {"late": True}


def _mode(path: Path) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


def _is_there(path: Path) -> bool:
    return path.exists()


@on_every_loop
async def test_only_this_user_can_reach_it(path: Path) -> None:
    before = os.umask(0)
    try:
        async with _serving(path):
            assert (_mode(path.parent), _mode(path)) == (0o700, 0o600)
            assert os.umask(0) == 0, "the umask is as it was"
    finally:
        os.umask(before)


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o777, 0o720])
@on_every_loop
async def test_a_directory_that_others_may_enter_is_refused_with_the_fix(path: Path, mode: int) -> None:
    path.parent.mkdir()
    path.parent.chmod(mode)
    with pytest.raises(UnsafePlace, match=rf"chmod 700 {path.parent}"):
        await StatusServer(path, _echo).start()
    assert list(path.parent.iterdir()) == []


@on_every_loop
async def test_a_directory_of_another_user_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.parent.mkdir(mode=0o700)
    monkeypatch.setattr(os, "geteuid", lambda: 12_345_678)
    with pytest.raises(UnsafePlace, match="belongs to another user"):
        await StatusServer(path, _echo).start()


@on_every_loop
async def test_a_link_of_ours_to_a_directory_of_ours_will_do(path: Path) -> None:
    real = path.parent.with_name("real")
    real.mkdir(mode=0o700)
    path.parent.symlink_to(real)
    async with _serving(path):
        assert await _ask(path) == {"asked": {}}


def test_a_file_in_the_place_of_the_directory_or_the_socket_is_left_alone(path: Path) -> None:
    path.parent.write_text("mine")
    with pytest.raises(UnsafePlace, match="cannot make the directory"):
        asyncio.run(StatusServer(path, _echo).start())
    path.parent.unlink()
    path.parent.mkdir(mode=0o700)
    path.write_text("mine")
    with pytest.raises(UnsafePlace, match="is not a socket"):
        asyncio.run(StatusServer(path, _echo).start())
    assert path.read_text() == "mine"


@on_every_loop
async def test_a_second_process_is_told_that_one_runs(path: Path) -> None:
    async with _serving(path):
        with pytest.raises(AlreadyRunning, match=r"arb status.*ARB_HOME"):
            await StatusServer(path, _echo).start()
        assert await _ask(path) == {"asked": {}}, "the first is not disturbed"
    async with _serving(path):
        assert await _ask(path) == {"asked": {}}, "and after it a second may"


@on_every_loop
async def test_a_process_that_has_the_lock_and_not_yet_a_socket_is_running_too(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        with pytest.raises(AlreadyRunning):
            await StatusServer(path, _echo).start()
    finally:
        os.close(lock)


@on_every_loop
async def test_a_listener_without_a_lock_is_alive_too(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(os.fspath(path))
        other.listen()
        with pytest.raises(AlreadyRunning):
            await StatusServer(path, _echo).start()


_SERVE_AND_DIE = """
import asyncio, os, sys
from pathlib import Path
from transport.status_socket import StatusServer

async def serve():
    await StatusServer(Path(sys.argv[1]), dict).start()
    os._exit(7)  # as a kill would: nothing is tidied up

asyncio.run(serve())
"""


def test_the_socket_of_a_dead_process_is_replaced(path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", _SERVE_AND_DIE, path], check=False, timeout=BOUND_S)
    assert ended.returncode == 7
    assert path.is_socket()
    with pytest.raises(NotRunning):
        ask(path, {})

    async def serve() -> None:
        async with _serving(path):
            assert await _ask(path) == {"asked": {}}

    asyncio.run(serve())


@on_every_loop
async def test_stop_removes_the_socket_and_is_idempotent(path: Path) -> None:
    async with _serving(path) as server:
        await server.stop()
        assert not _is_there(path)
        with pytest.raises(NotRunning, match="nothing runs here"):
            await _ask(path)
    await StatusServer(path, _echo).stop()


@on_every_loop
async def test_stop_does_not_wait_for_an_answer_that_does_not_come(path: Path) -> None:
    asked = asyncio.Event()

    async def answer(_request: Answer) -> Answer:
        asked.set()
        await asyncio.Event().wait()
        return {}

    async with _serving(path, answer) as server:
        asking = asyncio.ensure_future(_ask(path))
        await asyncio.wait_for(asked.wait(), BOUND_S)
        await asyncio.wait_for(server.stop(), BOUND_S)
        with pytest.raises(NoAnswer):
            await asking


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"", b"one line of JSON"),
        (b"{}", b"one line of JSON"),
        (b"garbage\n", b"one line of JSON"),
        (b"\xff\xfe\n", b"one line of JSON"),
        (b"[" * 10_000 + b"\n", b"one line of JSON"),
        (b"[]\n", b"JSON object"),
        (b"null\n", b"JSON object"),
        (b'{"a": "' + b"x" * 2 * MAX_REQUEST_BYTES + b'"}\n', b"at most 16384 bytes"),
    ],
)
@on_every_loop
async def test_what_is_no_request_is_told_and_the_next_is_answered(path: Path, sent: bytes, words: bytes) -> None:
    async with _serving(path):
        assert words in await _exchange(path, sent)
        assert await _ask(path) == {"asked": {}}


@on_every_loop
async def test_one_request_a_connection(path: Path) -> None:
    async with _serving(path):
        said = await _exchange(path, b'{"n":1}\n{"n":2}\n')
        assert said == b'{"asked":{"n":1}}\n'


@on_every_loop
async def test_a_request_that_does_not_come_is_cut_in_time(path: Path) -> None:
    async with _serving(path, exchange_s=0.1):
        assert await _exchange(path, b'{"half":', ends=False) == b""


@on_every_loop
async def test_one_asker_too_many_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_socket, "MAX_CLIENTS", 1)
    asked, go = asyncio.Event(), asyncio.Event()

    async def answer(_request: Answer) -> Answer:
        asked.set()
        await go.wait()
        return {}

    async with _serving(path, answer):
        first = asyncio.ensure_future(_ask(path))
        await asyncio.wait_for(asked.wait(), BOUND_S)
        assert "try again" in (await _ask(path))["error"]
        go.set()
        assert await first == {}


@pytest.mark.parametrize("broken", [lambda _: 1 / 0, lambda _: {"what": object()}])
@on_every_loop
async def test_a_bug_in_the_answer_is_reported_and_the_asker_is_told(
    path: Path, broken: Callable[[Answer], Any]
) -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    async with _serving(path, broken):
        assert "internal error" in (await _ask(path))["error"]
        assert "internal error" in (await _ask(path))["error"]
    assert len(reported) == 2


@on_every_loop
async def test_an_answer_over_the_limit_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_socket, "MAX_ANSWER_BYTES", 1_000)
    async with _serving(path, lambda _: {"long": "x" * 1_000}):
        assert await _ask(path) == {"error": "the answer is too long"}


def test_nobody_there_is_not_running(path: Path) -> None:
    with pytest.raises(NotRunning):
        ask(path, {})
    path.parent.write_text("a file where the directory should be")
    with pytest.raises(NotRunning):
        ask(path, {})


@on_every_loop
async def test_a_process_that_hangs_is_no_answer_in_time(path: Path) -> None:
    async def answer(_request: Answer) -> Answer:
        await asyncio.Event().wait()
        return {}

    async with _serving(path, answer):
        with pytest.raises(NoAnswer, match=r"no answer in 0\.1 s"):
            await _ask(path, within=0.1)


@pytest.mark.parametrize("said", [b"", b"{}", b"[]\n", b"garbage\n", b"\xff\n", b"x" * 2_000])
@on_every_loop
async def test_an_answer_that_makes_no_sense_is_no_answer(
    path: Path, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_client, "MAX_ANSWER_BYTES", 1_000)

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(said)
        writer.close()
        has_babbled.set()

    has_babbled = asyncio.Event()
    path.parent.mkdir(mode=0o700)
    async with await asyncio.start_unix_server(babble, os.fspath(path)):
        with pytest.raises(NoAnswer, match="no usable answer"):
            await _ask(path)
        await asyncio.wait_for(has_babbled.wait(), BOUND_S)
        await turn()


@on_every_loop
async def test_a_path_that_no_system_can_bind_names_the_fix(path: Path) -> None:
    long = path.parent / ("x" * 100)
    with pytest.raises(PathTooLong, match="ARB_HOME"):
        await StatusServer(long, _echo).start()
    with pytest.raises(PathTooLong, match="ARB_HOME"):
        ask(long, {})
    assert not path.parent.exists()
