"""Over TLS and on both loops: an order is sent once there, too; and a server that nobody vouches for gets nothing."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
import uvloop
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import CertificateBuilder, DNSName, IPAddress, Name, NameAttribute, SubjectAlternativeName
from cryptography.x509 import random_serial_number as serial
from cryptography.x509.oid import NameOID

from tests.transport.kalshi.server import Drop, says, serving
from tests.venues.kalshi.material import credentials, pem, rsa
from transport.feeds.port import WallClock
from transport.kalshi.connection import Answer, Lost
from transport.kalshi.order_wire import OrderWire, Sent, WirePolicy
from transport.kalshi.rest import KalshiRest
from transport.kalshi.tls import client_tls
from transport.venue_rest import ReadFailed, RestPolicy
from venues.kalshi.orders import CREATE

WHEN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]
BODY = b'{"an":"order"}'


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this address, with its key, signed by itself."""
    name = Name([NameAttribute(NameOID.COMMON_NAME, "loopback")])
    host = SubjectAlternativeName([IPAddress(ipaddress.ip_address("127.0.0.1")), DNSName("localhost")])
    builder = CertificateBuilder(name, name, rsa().public_key(), serial(), WHEN, WHEN + dt.timedelta(36_500))
    made = builder.add_extension(host, critical=False).sign(rsa(), SHA256())
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(made.public_bytes(Encoding.PEM) + pem(rsa()))
    return file


def server_side(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("secure", [True, False])
def test_an_order_is_answered_and_a_lost_one_is_not_repeated(
    loop: Callable[[], asyncio.AbstractEventLoop], secure: bool, certificate: Path
) -> None:
    async def main() -> None:
        answers: list[Answer | Lost] = []
        trusting = ssl.create_default_context(cafile=str(certificate))
        async with serving(lambda _: says({}, 201), server_side(certificate) if secure else None) as server:
            policy = WirePolicy(timeout_s=5, retry_base_s=0.01, tls=trusting)
            wire = OrderWire(server.hosts, credentials(), WallClock(), rng=Random(1), policy=policy)
            await wire.start(5)

            def heard(answer: Answer | Lost) -> None:
                answers.append(answer)
                server.heard.set()

            assert wire.post(CREATE, BODY, heard) is Sent.WRITTEN
            await server.until(lambda: len(answers) == 1)
            server.act = lambda _: Drop()
            assert wire.post(CREATE, b"lost", heard) is Sent.WRITTEN
            await server.until(lambda: len(answers) == 2)
            await wire.close()
            assert [type(one) for one in answers] == [Answer, Lost]
            assert [request.body for request in server.posts] == [BODY, b"lost"]

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())


def test_a_server_that_nobody_vouches_for_gets_no_byte_of_ours(certificate: Path) -> None:
    async def main() -> None:
        said: list[str] = []
        async with serving(lambda _: says({}), server_side(certificate)) as server:
            policy = WirePolicy(retry_base_s=60)
            wire = OrderWire(server.hosts, credentials(), WallClock(), rng=Random(1), policy=policy, report=said.append)
            await wire.start(0.3)
            assert wire.post(CREATE, BODY, lambda _: None) is Sent.NO_CONNECTION
            await wire.close()
            rest = KalshiRest(
                server.hosts, credentials(), WallClock(), rng=Random(1), policy=RestPolicy(attempts=1, budget_s=5)
            )
            with pytest.raises(ReadFailed, match="certificate"):
                await rest.get("/account/limits")
            await rest.close()
            assert server.raw == []
        assert any("certificate" in line for line in said)

    # The loop itself tells of a handshake that failed; that it did is what is wanted here.
    with asyncio.Runner() as runner:
        runner.get_loop().set_exception_handler(lambda _, __: None)
        runner.run(main())


def test_the_authorities_are_read_once() -> None:
    assert client_tls() is client_tls()
    assert client_tls().verify_mode is ssl.CERT_REQUIRED
    assert client_tls().check_hostname
