"""`arb record` as a process: a whole file after Ctrl-C, nothing secret in it, and `arb replay` reads it."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from cli.exit_codes import CONFIGURATION, USAGE
from tests.cli.exchange_process import exchange
from tests.cli.process import ARB, PATIENCE_S, arb
from tests.ground.project import ROOT
from tests.venues.kalshi.material import KEY_ID, ed25519, pem
from tests.venues.kalshi_exchange.kit import RAIN, SNOW, public_pem
from transport.feeds.capture_file import CaptureError, CaptureReader

ENOUGH = 20
POLL_S = 0.1


def come(file: Path) -> int:
    """Lines that are on the disk by now; the file is not whole yet."""
    found = 0
    with contextlib.suppress(CaptureError):
        for _ in CaptureReader(file):
            found += 1
    return found


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGTERM])
def test_what_is_recorded_is_whole_and_holds_no_secret(
    arb_home: Path, tmp_path: Path, ended_by: signal.Signals
) -> None:
    public, key, file = tmp_path / "public.pem", arb_home / "kalshi.pem", tmp_path / "kalshi.jsonl.gz"
    public.write_bytes(public_pem(ed25519()))
    arb_home.mkdir(exist_ok=True)
    key.touch(mode=0o600)
    key.write_bytes(pem(ed25519()))
    pairs = tmp_path / "pairs.toml"
    pairs.write_text("".join(f'[[pairs]]\npair_id = "{one}"\nkalshi_market_ticker = "{one}"\n' for one in (RAIN, SNOW)))
    with exchange("kalshi", "--quote-ms", "5", "--key-id", KEY_ID, "--public-key", str(public)) as ready:
        env = {
            "ARB_KALSHI_KEY_ID": KEY_ID,
            "ARB_KALSHI_KEY_FILE": str(key),
            "ARB_KALSHI_REST_URL": ready["rest"].removesuffix("/trade-api/v2"),
            "ARB_KALSHI_SOCKET_URL": ready["websocket"].removesuffix("/trade-api/ws/v2"),
        }
        process = subprocess.Popen(
            [*ARB, "record", "kalshi", str(file), "--pairs", str(pairs), "--json"],
            cwd=ROOT,
            env=os.environ | env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            while come(file) < ENOUGH:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    assert process.wait(POLL_S) is None, process.communicate()
            process.send_signal(ended_by)
            out, err = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
            process.communicate()
    assert (process.returncode, err) == (0, "")
    lines = list(CaptureReader(file))
    frames = [line for line in lines if line.frame is not None]
    assert json.loads(out) == {"file": str(file), "frames": len(frames), "connections": 1}
    assert (lines[0].event, lines[-1].event) == ("connected", "disconnected")
    text = gzip.decompress(file.read_bytes()).decode().lower()
    secret = "".join(pem(ed25519()).decode().splitlines()[1:-1]).lower()
    for hidden in (KEY_ID.lower(), secret, "private key", "kalshi-access", "signature", str(key).lower()):
        assert hidden not in text
    done = arb("replay", str(file), "--pairs", str(pairs))
    assert done.code == 0, done.err
    assert f"{len(lines)} lines" in done.out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("polymarket", "a.jsonl"), USAGE, "which markets?"),
        (("polymarket", "a.jsonl", *(f"--market={number}" for number in range(1_001))), USAGE, "at most 1000"),
        (("nasdaq", "a.jsonl"), USAGE, "no such platform"),
        (("kalshi", "a.txt"), USAGE, ".jsonl.gz"),
        (("kalshi", "a.jsonl"), USAGE, "which markets?"),
        (("kalshi", "a.jsonl", "--market", "T"), CONFIGURATION, "kalshi.key_id"),
    ],
)
@pytest.mark.usefixtures("arb_home")
def test_what_cannot_be_recorded_is_said(words: tuple[str, ...], code: int, said: str) -> None:
    done = arb("record", *words)
    assert done.code == code
    assert said in done.err


def test_another_file_is_not_written_over(arb_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, key = tmp_path / "there.jsonl", arb_home / "kalshi.pem"
    file.write_text("mine")
    arb_home.mkdir(exist_ok=True)
    key.touch(mode=0o600)
    key.write_bytes(pem(ed25519()))
    monkeypatch.setenv("ARB_KALSHI_KEY_ID", KEY_ID)
    monkeypatch.setenv("ARB_KALSHI_KEY_FILE", str(key))
    done = arb("record", "kalshi", str(file), "--market", "T")
    assert (done.code, file.read_text()) == (USAGE, "mine")
    assert "is there already" in done.err
