from __future__ import annotations

import asyncio
import errno
import socket

import pytest

from tests.transport.link_kit import HOST, on_every_loop
from transport.link import listening
from transport.link.errors import BindFailed, BindRefused, PortInUse
from transport.link.listening import open_listeners
from transport.link.policy import LinkPolicy

TAILSCALE, LAN, ANY = "100.101.102.103", "192.168.1.5", "0.0.0.0"  # noqa: S104 -- never bound here, only judged

Asked = list[tuple[str, int]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Every address that would have been listened on; each gets a socket on loopback instead."""
    addresses: Asked = []
    really = listening._listen

    def listen(_family: socket.AddressFamily, host: str, port: int) -> socket.socket:
        addresses.append((host, port))
        return really(socket.AF_INET, HOST, 0)

    monkeypatch.setattr(listening, "_listen", listen)
    return addresses


async def _listen_and_close(policy: LinkPolicy) -> None:
    for listener in await open_listeners(policy):
        listener.close()


@pytest.mark.parametrize("host", [LAN, ANY, "::", "", "8.8.8.8", "fe80::1"])
def test_an_address_open_to_others_is_refused_by_name_with_the_three_fixes(host: str, asked: Asked) -> None:
    with pytest.raises(BindRefused) as refused:
        asyncio.run(_listen_and_close(LinkPolicy(bind=((HOST, 9001), (host, 9001)))))
    text = str(refused.value)
    assert f"{host}:9001" in text or f"[{host}]:9001" in text
    assert all(fix in text for fix in ("loopback or a Tailscale address", "set a token on both ends", "--insecure")), (
        text
    )
    assert asked == [], "nothing is opened before everything is allowed"


@pytest.mark.parametrize("policy", [{"token": "t"}, {"insecure": True}])
def test_a_token_or_the_operators_word_opens_any_address(policy: dict[str, object], asked: Asked) -> None:
    asyncio.run(_listen_and_close(LinkPolicy(bind=((ANY, 9001), (LAN, 9002)), **policy)))  # type: ignore[arg-type]
    assert asked == [(ANY, 9001), (LAN, 9002)]


@pytest.mark.parametrize("host", [HOST, "127.8.8.8", "::1", TAILSCALE, "fd7a:115c:a1e0::42"])
def test_loopback_and_tailscale_need_no_secret(host: str, asked: Asked) -> None:
    asyncio.run(_listen_and_close(LinkPolicy(bind=((host, 9001),))))
    assert asked == [(host, 9001)]


def test_addresses_that_take_any_port_take_the_same(asked: Asked) -> None:
    bind = ((TAILSCALE, 0), ("127.0.0.1", 0), ("127.0.0.2", 9005))
    asyncio.run(_listen_and_close(LinkPolicy(bind=bind)))
    found = asked[1][1]
    assert found > 0
    assert asked == [(TAILSCALE, 0), ("127.0.0.1", found), ("127.0.0.2", 9005)]


@on_every_loop
async def test_a_port_in_use_closes_what_was_opened_before_it() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=rf"{HOST}:{port}: another program .*--bind HOST:PORT"):
            await open_listeners(LinkPolicy(bind=((HOST, 0), (HOST, port))))


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EADDRNOTAVAIL, "this machine has no such address"),
        (errno.EACCES, "does not allow this port"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_other_reasons_have_words_of_their_own(number: int, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> socket.socket:
        raise OSError(number, "Input/output error")

    monkeypatch.setattr(listening, "_listen", fail)
    with pytest.raises(BindFailed, match=words):
        asyncio.run(_listen_and_close(LinkPolicy(bind=((TAILSCALE, 9001),))))


def test_a_name_is_bound_where_this_machine_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def both(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (HOST, 0)),
        ]

    really = listening._listen

    def without_ipv6(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
        return really(family, host, port)

    monkeypatch.setattr(listening, "_listen", without_ipv6)

    async def listen() -> list[str]:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", both)
        listeners = await open_listeners(LinkPolicy(bind=(("localhost", 0),)))
        names = [listener.getsockname()[0] for listener in listeners]
        for listener in listeners:
            listener.close()
        return names

    assert asyncio.run(listen()) == [HOST]


def test_a_name_that_leads_outside_is_refused_like_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    async def outside(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 0)) for host in (HOST, LAN)]

    async def listen() -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", outside)
        await _listen_and_close(LinkPolicy(bind=(("my-machine", 9001),)))

    with pytest.raises(BindRefused, match=rf"my-machine:9001: {LAN}"):
        asyncio.run(listen())


def test_a_name_that_resolves_to_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: object, **__: object) -> list[tuple[object, ...]]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def listen() -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", nothing)
        await _listen_and_close(LinkPolicy(bind=(("no.such.host", 9001),)))

    with pytest.raises(BindFailed, match=r"no\.such\.host:9001: the host does not resolve"):
        asyncio.run(listen())


def test_no_address_at_all_is_told() -> None:
    with pytest.raises(BindFailed, match="name at least one HOST:PORT"):
        asyncio.run(_listen_and_close(LinkPolicy(bind=())))
