"""The port as the trader sees it, against the loopback Polymarket: what each answer proves, and what becomes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from protocol.leg import Leg
from protocol.terms import Status
from protocol.units import CENT, Price
from tests.transport.polymarket.trade_kit import Stage, dollars, leg, now_ms, played
from transport.journal_orders import SignedRow
from transport.kalshi.connection import Done
from transport.kalshi.order_wire import Sent
from transport.live import LiveVenueError
from transport.polymarket import lookup
from transport.polymarket.official import Kind
from venues.polymarket.exchange.amounts import Shares
from venues.polymarket.exchange.house import set_level
from venues.polymarket.exchange.refusal import FAK_KILLED


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes ten seconds in life takes none: every order is listed at once here."""
    monkeypatch.setattr(lookup, "STILL_US", 0)


# -- what is filled ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["eoa", "proxy", "safe", "deposit"])
def test_an_order_of_every_kind_of_wallet_is_taken_and_settles(tmp_path: Path, kind: Kind) -> None:
    async def scenario(stage: Stage) -> None:
        order = leg(stage.token)
        done = await stage.traded(order, Status.FILLED, final=True)
        first = stage.told[order.leg_id][0]
        assert (first.status, first.filled, first.cost, first.final) == (Status.FILLED, 600, 2_820_000, False)
        assert first.fees == done.fees
        assert (done.filled, done.cost, done.fees) == (600, 2_820_000, 59_780)
        books = stage.state()
        assert dollars("100") - done.cost - done.fees == dollars(books["cash"])
        assert books["shares"] == {stage.token: "6"}
        assert not stage.lines

    played(tmp_path, scenario, kind=kind)


def test_a_better_price_brings_more_shares_and_that_is_what_is_told(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        done = await stage.traded(leg(stage.token, limit=52), Status.FILLED, final=True)
        # $3.12 at 47 cents.
        assert (done.filled, done.cost) == (663, 3_116_100)
        assert stage.state()["shares"] == {stage.token: "6.63"}

    played(tmp_path, scenario)


def test_what_is_sold_brings_its_dollars_less_the_fee(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        bought = await stage.traded(leg(stage.token), Status.FILLED, final=True)
        sold = await stage.traded(leg(stage.token, leg_id="t1.b", buys=False, limit=45), Status.FILLED, final=True)
        assert (sold.filled, sold.cost, sold.fees) == (600, 2_700_000, 59_400)
        left = dollars("100") - bought.cost - bought.fees + sold.cost - sold.fees
        assert dollars(stage.state()["cash"]) == left
        assert stage.state()["shares"] == {}

    played(tmp_path, scenario)


def test_what_the_book_does_not_have_is_a_partial_fill(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        done = await stage.traded(leg(stage.token, contracts=20), Status.PARTIAL, final=True)
        assert (done.filled, done.cost) == (1_200, 5_640_000)

    played(tmp_path, scenario)


def test_nothing_at_the_limit_is_nothing_filled(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        done = await stage.traded(leg(stage.token, limit=46))
        assert (done.status, done.filled, done.final) == (Status.UNFILLED, 0, True)
        assert FAK_KILLED in (done.error or "")

    played(tmp_path, scenario)


# -- never twice, and in the journal before it leaves -----------------------------------------------------------------


def test_the_signed_bytes_are_in_the_journal_when_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(stage: Stage) -> None:
        order = leg(stage.token)
        seen: list[tuple[bytes, SignedRow | None]] = []
        wire = stage.port._wire
        write = wire.post

        def post(path: str, body: bytes, done: Done, *, expires_at_ms: int | None = None) -> Sent:
            seen.append((body, stage.journal.signed(order.leg_id)))
            return write(path, body, done, expires_at_ms=expires_at_ms)

        monkeypatch.setattr(wire, "post", post)
        await stage.traded(order, Status.FILLED)
        ((body, row),) = seen
        assert row is not None
        assert (row.body, row.answer) == (body, None)
        assert [row.order_id] == [one for one, o in stage.service.exchange.orders.items() if not o.account.unlimited]

    played(tmp_path, scenario)


def test_without_a_journal_nothing_is_signed_and_nothing_leaves(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        order = leg(stage.token)
        stage.journal.begin(order, dry=False, refused=None, owner=None, now_us=1)
        stage.journal.close()
        stage.port.place(order, stage.note, blind=False)
        assert (stage.told[order.leg_id][0].status, stage.posts()) == (Status.REJECTED, 0)
        assert "no journal, no order" in (stage.told[order.leg_id][0].error or "")

    played(tmp_path, scenario)


def test_a_leg_that_was_signed_is_never_signed_again(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        order = leg(stage.token)
        stage.journal.begin(order, dry=False, refused=None, owner=None, now_us=1)
        stage.journal.sign(order.leg_id, SignedRow("0x" + "ab" * 32, b"{}", now_ms() * 1_000))
        stage.port.place(order, stage.note, blind=False)
        assert (stage.told[order.leg_id][0].status, stage.posts()) == (Status.UNKNOWN, 0)

    played(tmp_path, scenario)


@pytest.mark.parametrize(
    ("fault", "how"), [("drop_after", {}), ("error_after", {"status": 503}), ("garbled_reply", {})]
)
def test_a_reply_that_is_lost_leaves_it_unknown_until_it_is_found_by_its_hash(
    tmp_path: Path, fault: str, how: dict[str, int]
) -> None:
    async def scenario(stage: Stage) -> None:
        stage.fault(fault, path="/order", **how)
        order = leg(stage.token)
        done = await stage.traded(order, Status.FILLED, final=True)
        assert stage.told[order.leg_id][0].status is Status.UNKNOWN
        assert (done.filled, done.cost, done.fees, stage.posts()) == (600, 2_820_000, 59_780, 1)

    played(tmp_path, scenario)


def test_a_restart_between_the_order_and_its_answer_finds_it(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        stage.fault("late_reply", path="/order", ms=500)
        order = leg(stage.token)
        stage.place(order)
        await stage.until(lambda: stage.posts() == 1)
        await stage.restart()
        assert not stage.told[order.leg_id][0].status.proven
        found, failed = await stage.asked(order)
        assert failed is None
        assert found is not None
        assert (found.status, found.filled, found.cost) == (Status.FILLED, 600, 2_820_000)
        assert stage.posts() == 1

    played(tmp_path, scenario)


def test_an_order_that_never_arrived_is_denied_only_when_it_would_be_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(stage: Stage) -> None:
        stage.fault("drop_before", path="/order")
        order = leg(stage.token)
        assert (await stage.traded(order)).status is Status.UNKNOWN
        early = await stage.asked(order)
        assert early[0] is None
        assert "neither order nor trade is listed" in (early[1] or "")
        monkeypatch.setattr(lookup, "STILL_US", 0)
        assert await stage.asked(order) == (None, None)
        assert stage.posts() == 0

    played(tmp_path, scenario)


@pytest.mark.usefixtures("hasty")
def test_null_for_an_order_that_did_fill_is_no_denial(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        stage.fault("null_lookup", times=-1)
        stage.fault("drop_after", path="/order")
        order = leg(stage.token)
        done = await stage.traded(order, Status.FILLED, final=True)
        assert (done.filled, done.cost) == (600, 2_820_000)

    played(tmp_path, scenario)


@pytest.mark.usefixtures("hasty")
def test_a_balance_that_nobody_explains_is_no_denial(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        stage.fault("drop_before", path="/order")
        order = leg(stage.token)
        await stage.traded(order)
        account = stage.service.exchange.accounts[stage.port._reads.wallet]
        account.shares[stage.token] += 6_000_000
        found, failed = await stage.asked(order)
        assert found is None
        assert "the balance of its token is not what its trades made" in (failed or "")

    played(tmp_path, scenario)


def test_a_leg_of_this_journal_without_a_signed_order_was_never_there(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        order = leg(stage.token)
        stage.journal.begin(order, dry=False, refused=None, owner=None, now_us=1)
        assert await stage.asked(order) == (None, None)
        other = await stage.asked(leg(stage.token, leg_id="elsewhere"))
        assert other[0] is None
        assert "signed by another trader" in (other[1] or "")

    played(tmp_path, scenario)


def test_a_leg_after_its_deadline_is_not_written(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        done = await stage.traded(leg(stage.token, expires_at_ms=now_ms() - 1))
        assert (done.status, stage.posts()) == (Status.EXPIRED, 0)

    played(tmp_path, scenario)


# -- what proves nothing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["delayed", "live_then_filled"])
def test_an_order_that_waits_is_unknown_and_then_what_it_filled(tmp_path: Path, fault: str) -> None:
    async def scenario(stage: Stage) -> None:
        stage.fault(fault, ms=300)
        order = leg(stage.token)
        done = await stage.traded(order, Status.FILLED, final=True)
        assert stage.told[order.leg_id][0].status is Status.UNKNOWN
        assert stage.port.heart.beats > 0
        assert (done.filled, done.cost) == (600, 2_820_000)

    played(tmp_path, scenario)


@pytest.mark.usefixtures("hasty")
def test_an_order_that_waits_and_is_killed_has_filled_nothing(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        stage.fault("delayed", ms=200)
        order = leg(stage.token)
        stage.place(order)
        await stage.hears(order, Status.UNKNOWN)
        set_level(stage.service.exchange, stage.market, Price(47 * CENT), Shares(0), is_bid=False)
        done = await stage.hears(order, Status.UNFILLED)
        assert (done.filled, done.final) == (0, True)

    played(tmp_path, scenario)


@pytest.mark.parametrize(
    ("fault", "how", "status", "words"),
    [
        ("unmatched", {}, Status.UNKNOWN, "unmatched"),
        ("duplicated", {}, Status.UNKNOWN, "had this order before"),
        ("restarting", {"path": "/order"}, Status.UNKNOWN, "425"),
        ("error_before", {"path": "/order", "status": 503}, Status.UNKNOWN, "503"),
        ("success_with_error", {"text": "invalid nonce"}, Status.REJECTED, "invalid nonce"),
        ("not_enough_balance", {}, Status.REJECTED, "not enough balance"),
        ("maker_not_allowed", {}, Status.REJECTED, "polymarket.wallet_kind"),
        ("rate_limited", {"path": "/order"}, Status.REJECTED, "429"),
        ("killed", {}, Status.UNFILLED, "killed"),
    ],
)
def test_each_answer_is_read_as_what_it_proves(
    tmp_path: Path, fault: str, how: dict[str, str], status: Status, words: str
) -> None:
    async def scenario(stage: Stage) -> None:
        stage.fault(fault, **how)
        order = leg(stage.token)
        stage.place(order)
        await stage.until(lambda: order.leg_id in stage.told)
        first = stage.told[order.leg_id][0]
        assert (first.status, words in (first.error or "")) == (status, True)

    played(tmp_path, scenario)


# -- settlement -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (leg("4711"), "market: its rules are not known yet"),
        (leg("", limit=1, contracts=50), "contracts: $0.50 is less than the $1"),
        (leg("", limit=47, contracts=0), "contracts: must be at least 0.01"),
    ],
)
def test_what_makes_no_order_is_refused_and_nothing_is_signed(tmp_path: Path, order: Leg, words: str) -> None:
    async def scenario(stage: Stage) -> None:
        meant = order if order.market else leg(stage.token, limit=order.limit // CENT, contracts=order.quantity // 100)
        stage.place(meant)
        (told,) = stage.told[meant.leg_id]
        assert (told.status, words in (told.error or "")) == (Status.REJECTED, True)
        assert stage.journal.signed(meant.leg_id) is None

    played(tmp_path, scenario)


def test_an_allowance_that_is_known_to_be_nothing_refuses_the_order(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        account = stage.service.exchange.accounts[stage.port._reads.wallet]
        account.allowances = dict.fromkeys(account.allowances, 0)
        cash, _ = await stage.ask(stage.port.cash)
        assert cash == [("", 0)]
        stage.place(leg(stage.token))
        assert "allowance" in (stage.told["t1.a"][0].error or "")
        assert stage.posts() == 0

    played(tmp_path, scenario)


def test_a_wallet_that_may_not_trade_stops_everything_and_says_how_to_mend_it(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        reach: list[str | None] = []
        stage.port.watch(reach.append)
        stage.fault("maker_not_allowed")
        await stage.traded(leg(stage.token), Status.REJECTED)
        assert "deposit wallet" in (reach[-1] or "")
        stage.place(leg(stage.token, leg_id="t2.a"))
        assert "polymarket.wallet_kind" in (stage.told["t2.a"][0].error or "")

    played(tmp_path, scenario)


def test_credentials_that_are_refused_are_derived_anew(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        reach: list[str | None] = []
        stage.port.watch(reach.append)
        stage.fault("unauthorized", path="/order")
        done = await stage.traded(leg(stage.token))
        assert done.status is Status.REJECTED
        assert "credentials" in (reach[-1] or "")
        await stage.until(lambda: reach[-1] is None)
        assert (await stage.traded(leg(stage.token, leg_id="t2.a"), Status.FILLED)).filled == 600

    played(tmp_path, scenario)


def test_an_outage_at_the_start_is_lived_through(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        stage.fault("error_before", path="/auth/derive-api-key", times=-1)
        await stage.restart()
        stage.place(leg(stage.token))
        assert "credentials" in (stage.told["t1.a"][0].error or "")
        stage.service.mend("error_before")
        await stage.until(lambda: stage.port.stopped is None)
        again = leg(stage.token, leg_id="t2.a")
        first = await stage.traded(again)
        # The market could not be learnt either, and is asked for with its first order.
        if first.status is Status.REJECTED:
            await stage.until(lambda: stage.port.markets.rules(stage.token) is not None)
            again = leg(stage.token, leg_id="t3.a")
            await stage.traded(again)
        assert (await stage.hears(again, Status.FILLED)).filled == 600

    played(tmp_path, scenario)


def test_a_key_without_credentials_ends_the_trader_with_the_fix(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        stage.fault("unauthorized", path="/auth/derive-api-key", times=-1)
        with pytest.raises(LiveVenueError, match="arb doctor polymarket"):
            await stage.port.start()

    played(tmp_path, scenario)


def test_another_heartbeat_than_the_expected_is_said_again_with_the_right_id(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        stage.fault("delayed", ms=200)
        await stage.traded(leg(stage.token), Status.FILLED, final=True)
        beats = stage.port.heart.beats
        assert beats > 0
        stage.port.heart._next_id = "of-somebody-else"
        stage.fault("delayed", ms=200)
        await stage.traded(leg(stage.token, leg_id="t2.a"), Status.FILLED, final=True)
        assert stage.port.heart.beats > beats
        assert not [line for line in stage.lines if "heartbeat" in line]

    played(tmp_path, scenario)


# -- the account ------------------------------------------------------------------------------------------------------


def test_cash_is_what_is_left_when_everything_matched_is_mined(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        assert await stage.ask(stage.port.cash) == ([("", dollars("100"))], None)
        await stage.traded(leg(stage.token), Status.FILLED)
        spent = dollars("100") - 2_820_000 - 59_780
        assert await stage.ask(stage.port.cash) == ([("", spent)], None)
        (trade,) = stage.service.exchange.settlement.unfinished
        stage.service.exchange.settlement.step(trade, "CONFIRMED", 0)
        assert await stage.ask(stage.port.cash) == ([("", spent)], None)

    played(tmp_path, scenario, auto=False)


@pytest.mark.parametrize("settled", [False, True])
def test_the_account_holds_what_was_filled_from_its_match_on(tmp_path: Path, settled: bool) -> None:
    async def scenario(stage: Stage) -> None:
        order = leg(stage.token)
        await stage.traded(order, Status.FILLED)
        if settled:
            (trade,) = stage.service.exchange.settlement.unfinished
            stage.service.exchange.settlement.step(trade, "CONFIRMED", 0)
        held, failed = await stage.ask(lambda report: stage.port.holdings(0, report))
        assert failed is None
        (position,) = held.positions
        assert (position.market, position.side, position.contracts) == (stage.token, order.side, 600)
        assert held.accounts == (("", dollars("100") - 2_820_000 - 59_780),)
        assert [(one.client_id, one.filled, one.left) for one in held.orders] == [(order.leg_id, 600, 0)]
        assert (held.moving, held.nets) == ((), False)

    played(tmp_path, scenario, auto=False)


# -- what is shown ----------------------------------------------------------------------------------------------------


def test_nothing_shows_the_key_or_the_credentials(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        session = stage.port._session
        credentials = stage.port._wire.credentials
        assert credentials is not None
        shown = " ".join(map(repr, (session._found, credentials, session._found.key, stage.port._wire, stage.lines)))
        for secret in ("11" * 32, credentials.key, credentials.secret, credentials.passphrase):
            assert secret not in shown

    played(tmp_path, scenario)
