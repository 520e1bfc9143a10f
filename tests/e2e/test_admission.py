"""Who may connect, end to end: a token that is asked for, and a certificate that is checked."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from websockets.exceptions import InvalidMessage, InvalidStatus
from websockets.sync.client import connect

from tests.e2e.processes import PATIENCE_S, Stage

TOKEN = "correct-horse-battery-staple"


def status_of_a_client(url: str, headers: dict[str, str]) -> int:
    """What the controller answers to an upgrade request with these headers."""
    try:
        with connect(url, proxy=None, additional_headers=headers, open_timeout=PATIENCE_S):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


def test_a_token_is_asked_of_everybody_and_shown_to_nobody(stage: Stage) -> None:
    secret = stage.home / "token"
    secret.write_text(TOKEN)
    secret.chmod(0o600)
    controller = stage.controller(ARB_TOKEN_FILE=str(secret))
    for headers, status in (
        ({}, 401),
        ({"Authorization": f"Bearer {TOKEN}x"}, 401),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
        ({"Authorization": f"Bearer {TOKEN}"}, 101),
    ):
        assert status_of_a_client(controller.url, headers) == status
    stranger = stage.trader("--url", controller.url, ARB_TOKEN="another")
    stranger.wait_for_line("warning", "401", "set the same token on both ends")
    friend = stage.trader("--url", controller.url, ARB_TOKEN=TOKEN, ARB_LOG_LEVEL="debug")
    friend.wait_for_line("ready for")
    said = controller.wait_for_paths("kalshi", "polymarket")
    assert len(said["connections"]) == 1
    controller.wait_for_line("refused", "401")
    for process in (controller, stranger, friend):
        assert not [line for line in process.lines if TOKEN in line]
    assert TOKEN not in stage.arb("status", "--json").out


@dataclass(frozen=True, slots=True)
class Certificate:
    cert: Path
    key: Path


@pytest.fixture
def certificate(stage: Stage) -> Certificate:
    """A certificate for 127.0.0.1 as an operator makes one."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl to make a certificate")
    made = Certificate(stage.home / "cert.pem", stage.home / "key.pem")
    asked = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=arb")
    subprocess.run(
        [
            openssl,
            "req",
            "-x509",
            *asked,
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            made.key,
            "-out",
            made.cert,
        ],
        check=True,
        capture_output=True,
        timeout=PATIENCE_S,
    )
    return made


def test_wss_with_the_operators_certificate_is_trusted_by_who_knows_it_and_by_nobody_else(
    stage: Stage, certificate: Certificate
) -> None:
    controller = stage.controller(ARB_TLS_CERT=str(certificate.cert), ARB_TLS_KEY=str(certificate.key))
    url = f"wss://127.0.0.1:{controller.port}"
    controller.wait_for_line("listening on wss://127.0.0.1")
    stranger = stage.trader("--url", url)
    friend = stage.trader("--url", url, "--name", "friend", ARB_TLS_CA=str(certificate.cert))
    friend.wait_for_line("ready for kalshi, polymarket")
    stranger.wait_for_line("warning", "certificate is not trusted", "CA file")
    said = controller.wait_for_paths("kalshi", "polymarket")
    assert [link["trader_id"].split("-")[0] for link in said["connections"]] == ["friend"]
    with pytest.raises(InvalidMessage), connect(controller.url, proxy=None, open_timeout=PATIENCE_S):
        pass
