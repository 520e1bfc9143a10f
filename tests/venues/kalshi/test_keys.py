"""Keys of both kinds in every form that Kalshi or openssl writes; what is refused, and that nothing shows."""

from __future__ import annotations

import base64
import copy
import pickle
import re

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import PrivateFormat

from tests.venues.kalshi.material import PASSPHRASE, ed25519, elliptic_pem, pem, public_pem, rsa
from venues.kalshi.keys import KeyRefused, read_key

TEXT = "1795339559064POST/trade-api/v2/portfolio/events/orders"


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_an_ed25519_key_signs_so_that_its_public_key_verifies(passphrase: bytes | None) -> None:
    key = read_key(pem(ed25519(), passphrase=passphrase), passphrase)
    assert key.kind == "ed25519"
    ed25519().public_key().verify(base64.b64decode(key.sign(TEXT)), TEXT.encode())


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_an_rsa_key_of_either_form_signs_with_pss_and_the_digest_s_salt(
    form: PrivateFormat, passphrase: bytes | None
) -> None:
    key = read_key(pem(rsa(), form, passphrase), passphrase)
    assert key.kind == "rsa-2048"
    padding = PSS(mgf=MGF1(SHA256()), salt_length=SHA256.digest_size)
    rsa().public_key().verify(base64.b64decode(key.sign(TEXT)), TEXT.encode(), padding, SHA256())


@pytest.mark.parametrize(
    ("text", "passphrase", "why"),
    [
        (b"", None, "no private key is in it"),
        (b"-----BEGIN PRIVATE KEY-----\nnonsense secret\n-----END PRIVATE KEY-----\n", None, "cannot be read"),
        (b"-----BEGIN " + b"A" * 70_000, None, "no private key is in it"),
        (public_pem(ed25519()), None, "public key"),
        (elliptic_pem(), None, "neither Ed25519 nor RSA"),
        (pem(rsa(1024)), None, "RSA key of 1024 bits"),
        (pem(ed25519(), passphrase=PASSPHRASE), None, "encrypted: name a file with its passphrase"),
        (pem(ed25519(), passphrase=PASSPHRASE), b"wrong one", "the passphrase may be wrong"),
        (pem(rsa(), PrivateFormat.TraditionalOpenSSL, PASSPHRASE), b"wrong one", "the passphrase may be wrong"),
        (pem(ed25519()), PASSPHRASE, "not encrypted"),
    ],
)
def test_what_is_no_key_is_refused_in_words_that_help_and_show_nothing(
    text: bytes, passphrase: bytes | None, why: str
) -> None:
    with pytest.raises(KeyRefused, match=re.escape(why)) as caught:
        read_key(text, passphrase)
    said = f"{caught.value}{caught.value.__cause__}"
    assert "nonsense" not in said
    assert "wrong one" not in said
    assert PASSPHRASE.decode() not in said


def test_a_key_has_no_inside() -> None:
    text = pem(ed25519())
    key = read_key(text)
    secret = text.decode().splitlines()[1]
    assert repr(key) == f"{key}" == "SigningKey(ed25519)"
    assert secret not in repr(vars(key) if hasattr(key, "__dict__") else key)
    for leak in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="not copied"):
            leak(key)
