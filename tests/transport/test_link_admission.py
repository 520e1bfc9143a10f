from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.datastructures import Headers

from transport.link.admission import judge
from transport.link.errors import LinkError
from transport.link.policy import ClientPolicy, LinkPolicy

LOOPBACK, TAILSCALE, STRANGER = "127.0.0.1", "100.100.1.2", "203.0.113.9"
TOKEN = "correct-horse"


def _status(policy: LinkPolicy, host: str = LOOPBACK, admitted: int = 0, **headers: str) -> int | None:
    sent = Headers({"Host": "127.0.0.1:9001", **{name.title(): value for name, value in headers.items()}})
    refusal = judge(policy, sent, host, admitted)
    return None if refusal is None else refusal.status.value


@pytest.mark.parametrize(
    ("policy", "host", "status"),
    [
        (LinkPolicy(), LOOPBACK, None),
        (LinkPolicy(), TAILSCALE, None),
        (LinkPolicy(), "::1", None),
        (LinkPolicy(), "::ffff:127.0.0.1", None),
        (LinkPolicy(), "fd7a:115c:a1e0:1::2", None),
        (LinkPolicy(), STRANGER, 403),
        (LinkPolicy(), "::ffff:203.0.113.9", 403),
        (LinkPolicy(), "", 403),
        (LinkPolicy(insecure=True), STRANGER, None),
        (LinkPolicy(token=TOKEN), STRANGER, 401),
        (LinkPolicy(token=TOKEN), LOOPBACK, 401),
        (LinkPolicy(token=TOKEN, insecure=True), LOOPBACK, 401),
    ],
)
def test_who_may_connect_without_showing_anything(policy: LinkPolicy, host: str, status: int | None) -> None:
    assert _status(policy, host) == status


@pytest.mark.parametrize(
    ("shown", "status"),
    [
        (f"Bearer {TOKEN}", None),
        (f"bearer {TOKEN}", None),
        (f"Bearer  {TOKEN} ", None),
        (f"Bearer {TOKEN}x", 401),
        (f"Bearer {TOKEN[:-1]}", 401),
        (f"Bearer {TOKEN.upper()}", 401),
        (f"Basic {TOKEN}", 401),
        (TOKEN, 401),
        ("Bearer", 401),
        ("", 401),
        ("Bearer \u00e9", 401),
    ],
)
def test_the_token_must_be_exactly_ours(shown: str, status: int | None) -> None:
    assert _status(LinkPolicy(token=TOKEN), STRANGER, authorization=shown) == status


def test_two_tokens_are_none() -> None:
    headers = Headers([("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer other")])
    refusal = judge(LinkPolicy(token=TOKEN), headers, LOOPBACK, 0)
    assert refusal is not None
    assert refusal.status == 401


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        ("https://evil.example", "127.0.0.1:9001", 403),
        ("null", "127.0.0.1:9001", 403),
        ("", "127.0.0.1:9001", 403),
        ("http://127.0.0.1:8080", "127.0.0.1:9001", 403),
        ("http://127.0.0.1:9001", "127.0.0.1:9001", None),  # clients that always send Origin
        ("http://localhost:9001", "LOCALHOST:9001", None),
        ("http://[::1]:9001", "[::1]:9001", None),
        ("http://[::1", "[::1", 403),
        ("http://evil.example:9001", "evil.example:9001", 403),  # DNS rebinding: the name leads to us, and is not ours
        ("http://evil.example:9001", "127.0.0.1:9001", 403),
    ],
)
def test_only_a_page_of_our_own_address_may_connect(origin: str, host: str, status: int | None) -> None:
    refusal = judge(LinkPolicy(), Headers({"Host": host, "Origin": origin}), LOOPBACK, 0)
    assert (None if refusal is None else refusal.status.value) == status


def test_with_a_token_a_name_of_our_own_is_fine_and_another_is_not() -> None:
    policy = LinkPolicy(token=TOKEN)
    for origin, status in (("http://desk:9001", None), ("http://evil.example:9001", 403)):
        headers = Headers({"Host": "desk:9001", "Origin": origin, "Authorization": f"Bearer {TOKEN}"})
        refusal = judge(policy, headers, STRANGER, 0)
        assert (None if refusal is None else refusal.status.value) == status


def test_the_last_free_place_is_given_and_no_more() -> None:
    policy = LinkPolicy(max_connections=3)
    assert [_status(policy, admitted=taken) for taken in (0, 2, 3, 4)] == [None, None, 503, 503]


_HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60)


@given(_HEADER, _HEADER, _HEADER, st.text(max_size=20))
def test_whatever_a_stranger_sends_he_is_refused_and_nothing_is_raised(
    shown: str, origin: str, host: str, ip: str
) -> None:
    headers = Headers({"Authorization": shown, "Origin": origin, "Host": host})
    refusal = judge(LinkPolicy(token=TOKEN), headers, ip, 0)
    assert refusal is not None
    assert TOKEN not in refusal.text
    assert judge(LinkPolicy(), headers, ip, 0) is not None


@pytest.mark.parametrize("token", ["", " ", "two words", "line\nbreak", "caf\u00e9", "x" * 513])
def test_a_token_that_no_header_can_carry_is_refused_at_once(token: str) -> None:
    for policy in (LinkPolicy, ClientPolicy):
        with pytest.raises(LinkError, match="visible ASCII"):
            policy(token=token)


def test_a_policy_does_not_show_its_token() -> None:
    assert TOKEN not in repr(LinkPolicy(token=TOKEN)) + repr(ClientPolicy(token=TOKEN))
