"""`arb pairs`: from saved listings over find, review and decisions to the plain file and back."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import pairs_review, pairs_watch
from cli.error import CliError
from cli.exit_codes import CONFIGURATION, ERROR, OK, USAGE
from cli.main import app
from cli.pairs_source import approved
from cli.rehearsal import MARK, own_home
from cli.run_controller import load_pairs
from config.home import ArbHome
from config.load import load_settings
from config.settings import Settings
from simulation.market_pairs import DEFAULT_PAIRS
from tests.pairing.kit import VOID, gamma_game, kalshi_game
from transport.logs import setup_logging
from transport.pairs.store import PairStore

NAME = "KXNBAGAME-26JAN09TORBOS-BOS"
OTHER = "KXNBAGAME-26JAN09TORBOS-TOR"
TORONTO = {
    "ticker": OTHER,
    "yes_sub_title": "Toronto",
    "no_sub_title": "Toronto",
    "rules_primary": "If Toronto wins the Toronto at Boston game on Jan 9, 2026, the market resolves to Yes.",
    "yes_bid_dollars": "0.3500",
    "yes_ask_dollars": "0.3700",
}


NO_OVERTIME = "Overtime does not count."


class Arb:
    """`arb pairs ...` in this process, on a home of its own."""

    def __init__(self, home: ArbHome) -> None:
        self.home = home

    def __call__(self, *words: str, code: int = OK) -> str:
        result = CliRunner().invoke(app, ["pairs", *words], env={"ARB_HOME": str(self.home.path), "COLUMNS": "80"})
        if isinstance(result.exception, CliError):
            assert result.exception.exit_code == code, result.exception.text
            return result.exception.text
        assert result.exit_code == code, result.output
        return result.output

    def json(self, *words: str) -> Any:  # noqa: ANN401 -- any JSON
        lines = self(*words, "--json").splitlines()
        return [json.loads(line) for line in lines]

    def fetch(self, polymarket: Any = None, *kalshi: Any, code: int = OK) -> str:  # noqa: ANN401 -- a venue's JSON
        """Read both venues' answers from files."""
        words = []
        for name, document in (("kalshi", list(kalshi)), ("polymarket", [polymarket] if polymarket else [])):
            if document:
                file = self.home.ensure() / f"{name}.json"
                file.write_text(json.dumps(document))
                words += ["--from", str(file)]
        return self("fetch", *words, code=code)

    def states(self) -> dict[str, str]:
        with PairStore(self.home.path / "pairs.db") as store:
            return {entry.pair.pair_id: str(entry.state) for entry in store.entries()}


@pytest.fixture
def arb(tmp_path: Path) -> Arb:
    arb = Arb(ArbHome(tmp_path / "home"))
    arb.fetch(gamma_game(), kalshi_game(), kalshi_game(**TORONTO))
    arb("find")
    return arb


def keys(typed: str) -> Callable[[], str]:
    """Somebody who types this, and goes away."""
    left: Iterator[str] = iter(typed)
    return lambda: next(left, "")


def review(arb: Arb, typed: str, capsys: pytest.CaptureFixture[str], category: str | None = None) -> str:
    assert pairs_review.run(category=category, home=arb.home, read=keys(typed)) == OK
    return capsys.readouterr().out


# -- finding --------------------------------------------------------------------------------------------------------


def test_what_is_found_waits_for_a_person(arb: Arb) -> None:
    assert arb.states() == {NAME: "proposed", OTHER: "proposed"}
    assert approved(arb.home).pairs == ()
    assert "pairs: 2 proposed; 0 new" in arb("find")


def test_what_came_and_what_was_left_out_is_told(tmp_path: Path) -> None:
    arb = Arb(ArbHome(tmp_path / "home"))
    combo = kalshi_game(ticker="KXMVE-1", mve_collection_ticker="KXMVE")

    said = arb.fetch(None, kalshi_game(), combo)

    assert "kalshi      1 markets: 1 new, 0 with other terms" in said
    assert "left out: 1 a combination of several markets" in said


def test_a_file_that_is_no_listing_is_refused_by_name(tmp_path: Path) -> None:
    arb = Arb(ArbHome(tmp_path / "home"))
    file = tmp_path / "x.json"
    file.write_text('{"hello": [1]}')

    assert "x.json: neither Kalshi's /events or /markets nor Polymarket's" in arb(
        "fetch", "--from", str(file), code=ERROR
    )


def test_what_words_alone_found_is_kept_only_where_all_of_it_is_asked_for(tmp_path: Path) -> None:
    arb = Arb(ArbHome(tmp_path / "home"))
    title = {"title": "Will it rain in the demo?", "sub_title": "", "slug": "rain"}
    rain = kalshi_game(ticker="KXRAIN-X", event_ticker="KXRAIN", title=title["title"], yes_sub_title="Yes")
    market = gamma_game(question=title["title"], slug="rain", outcomes=["Yes", "No"], sportsMarketType="")
    arb.fetch({**market, **title}, {**rain, **title})

    assert "left out: 1: not even the titles agree in all" in arb("find")
    assert arb.states() == {}
    assert "1 proposed; 1 new" in arb("find", "--all")
    assert arb.states() == {"KXRAIN-X": "proposed"}


def test_flags_that_contradict_each_other_are_refused(arb: Arb) -> None:
    assert "exclude each other" in arb("fetch", "--changed", "--approved", code=USAGE)
    assert "--platform x: must be kalshi or polymarket" in arb("fetch", "--platform", "x", code=USAGE)
    assert "go together" in arb("find", "--kalshi-from", "x", code=USAGE)


# -- reviewing ------------------------------------------------------------------------------------------------------


def test_one_key_decides_each_pair(arb: Arb, capsys: pytest.CaptureFixture[str]) -> None:
    said = review(arb, "ar", capsys)

    assert arb.states() == {NAME: "approved", OTHER: "rejected"}
    assert "1 approved, 1 rejected, 0 still wait. A controller takes up what is approved when it starts." in said


@pytest.mark.parametrize("typed", ["", "q", "sq", "xyz?q", "ss", "mq"])
def test_nothing_is_decided_by_any_other_key(arb: Arb, typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    review(arb, typed, capsys)

    assert set(arb.states().values()) == {"proposed"}


def test_a_slip_is_put_right_by_going_back(arb: Arb, capsys: pytest.CaptureFixture[str]) -> None:
    review(arb, "abrq", capsys)

    assert arb.states() == {NAME: "rejected", OTHER: "proposed"}


def test_without_a_terminal_nothing_happens_and_the_way_is_told(arb: Arb) -> None:
    said = arb("review", code=USAGE)

    assert "2 pairs wait, and nobody is here to read them: run `arb pairs review` on a terminal" in said
    assert "Nothing was changed" in said
    assert set(arb.states().values()) == {"proposed"}


def test_the_screen_has_80_columns_and_all_that_counts(arb: Arb, capsys: pytest.CaptureFixture[str]) -> None:
    said = review(arb, "q", capsys, category="nba/moneyline")

    assert max(map(len, said.splitlines())) <= 80
    for words in (
        "1 of 2  KXNBAGAME-26JAN09TORBOS-BOS",
        "nba/moneyline · proposed",
        "YES      “Boston” on Kalshi = “Celtics” on Polymarket (token …222)",
        "NO       “not Boston” on Kalshi = “Raptors” on Polymarket (token …111)",
        "agree    all 8: league, date, teams",
        "KALSHI (read",
        "│ POLYMARKET (read",
        "If Boston wins the Toronto at Boston",
        "│ If the Celtics win, the market will",
        "[a]pprove  [r]eject  [s]kip  [m]ore  [b]ack  [q]uit",
    ):
        assert words in said
    assert "may close early" in " ".join(said.split())


def test_a_flag_is_loud_and_asks_twice(arb: Arb, capsys: pytest.CaptureFixture[str]) -> None:
    arb.fetch(gamma_game(outcomePrices=["0.61", "0.39"]))

    said = review(arb, "aq", capsys)

    assert "!!       INVERTED: prices 61c and 39c add up to a dollar" in said
    assert "!!       TOO GOOD: an edge of 20.33c is more often a wrong pair than a gift" in said
    assert "Press a once more" in said
    assert arb.states()[NAME] == "proposed"
    review(arb, "aaq", capsys)
    assert arb.states()[NAME] == "approved"


def test_what_differs_cannot_be_approved(arb: Arb, capsys: pytest.CaptureFixture[str]) -> None:
    arb.fetch(gamma_game(description=f"If the Celtics win in regulation time, it resolves to Celtics. {NO_OVERTIME}"))

    said = review(arb, "aq", capsys)

    assert "CANNOT   refused, for these differ: scope" in said
    assert "not approved: KXNBAGAME-26JAN09TORBOS-BOS: refused, for these differ: scope" in said
    assert set(arb.states().values()) == {"proposed"}


def test_a_changed_pair_comes_first_with_what_changed(arb: Arb, capsys: pytest.CaptureFixture[str]) -> None:
    review(arb, "sa", capsys)
    rules = f"If the Celtics win, it resolves to Celtics. Ties count as wins. {VOID}"
    said = arb.fetch(gamma_game(description=rules, endDate="2026-01-11T00:30:00Z"), kalshi_game())

    assert f"LATCHED     {OTHER}: changed: polymarket rules, polymarket close time" in said
    assert approved(arb.home).pairs == ()
    page = review(arb, "q", capsys)
    assert f"1 of 2  {OTHER}" in page
    for words in (
        "CHANGED polymarket rules since ",
        "- If the Celtics win, the market will resolve to",
        "+ Ties count as wins.",
        "polymarket close time: 2026-01-10 00:30:00 UTC -> 2026-01-11 00:30:00 UTC",
    ):
        assert words in " ".join(page.split())


def test_a_market_that_closed_is_not_asked_about(arb: Arb, capsys: pytest.CaptureFixture[str]) -> None:
    arb.fetch(None, kalshi_game(status="closed"))

    assert "1 still wait, 1 not shown: closed meanwhile" in review(arb, "sq", capsys)


def test_rules_that_change_while_they_are_read_are_not_approved(arb: Arb, capsys: pytest.CaptureFixture[str]) -> None:
    def read() -> str:
        """The venue changes them while somebody thinks; then he presses a, and goes."""
        if not pressed:
            pressed.append("a")
            arb.fetch(None, kalshi_game(rules_primary="If Boston wins, the market resolves to Yes. Or not."))
            return "a"
        return "q"

    pressed: list[str] = []
    assert pairs_review.run(category=None, home=arb.home, read=read) == OK
    assert "its terms have changed since you read them" in capsys.readouterr().out
    assert arb.states()[NAME] == "proposed"


# -- by name, by class ----------------------------------------------------------------------------------------------


def test_a_class_is_approved_by_itself_where_every_point_agrees(arb: Arb) -> None:
    assert "no pair of nba/total waits" in arb("approve", "--auto", "nba/total")
    assert set(arb.states().values()) == {"proposed"}

    said = arb("approve", "--auto", "nba/moneyline")

    assert f"approved {NAME} (nba/moneyline): YES = Boston on Kalshi = Celtics on Polymarket" in said
    assert set(arb.states().values()) == {"approved"}
    (shown,) = arb.json("show", NAME)
    assert [each["what"] for each in shown["history"]] == ["propose", "approve"]
    assert shown["history"][1]["who"].endswith(" (--auto)")


@pytest.mark.parametrize(
    "polymarket",
    [
        gamma_game(outcomePrices=["0.61", "0.39"]),
        gamma_game(description='If the Celtics win, the market will resolve to "Celtics".'),
    ],
    ids=["flagged", "not all known"],
)
def test_what_is_not_all_known_is_never_approved_by_itself(arb: Arb, polymarket: Any) -> None:  # noqa: ANN401 -- JSON
    arb.fetch(polymarket)
    arb("approve", "--auto", "nba/moneyline")

    assert arb.states()[NAME] == "proposed"


def test_what_was_latched_is_never_approved_by_itself(arb: Arb) -> None:
    arb("approve", NAME)
    arb.fetch(None, kalshi_game(close_time="2026-01-25T00:00:00Z"))
    arb("find", "--auto", "nba/moneyline", code=OK)

    assert arb.states() == {NAME: "latched", OTHER: "approved"}


def test_pairs_are_approved_and_rejected_by_name(arb: Arb) -> None:
    assert f"approved {NAME}" in arb("approve", NAME, "--note", "read it")
    assert f"rejected {OTHER}" in arb("reject", OTHER)
    assert arb.states() == {NAME: "approved", OTHER: "rejected"}
    assert "there is no pair 'x'" in arb("approve", "x", code=ERROR)
    assert "one of them" in arb("approve", code=USAGE)
    assert "0xc0 is in several pairs" in arb("reject", "0xc0", code=ERROR)


# -- looking --------------------------------------------------------------------------------------------------------


def test_the_list_shows_time_and_money(arb: Arb) -> None:
    said = arb("list")

    assert max(map(len, said.splitlines()[:-1])) <= 80
    assert "TORBOS-BOS" in said
    assert "all agree" in said
    assert "2 proposed" in said
    document = arb.json("list", "--state", "proposed")[0]
    assert document["verdict"] == "all points agree"
    times = document["lockup"]
    assert (times["early"], times["settlement_timer_s"]) == (True, 300)
    assert times["expected"] == "2026-01-10T03:05:00Z"
    assert document["event_id"].startswith("nba:2026-01-09:")
    assert "--state x: must be" in arb("list", "--state", "x", code=USAGE)


def test_everything_of_a_pair_is_shown(arb: Arb) -> None:
    arb("approve", NAME, "--note", "read it")
    said = arb("show", NAME)

    for words in (
        "approve by ",
        ": read it",
        "event     nba:2026-01-09:",
        f"with {OTHER} (nba/moneyline, proposed)",
        "P  moneyline",
        "[sportsMarketType",
    ):
        assert words in said


def test_a_home_without_a_store_says_how_to_make_one(tmp_path: Path) -> None:
    assert "`arb pairs fetch` makes it" in Arb(ArbHome(tmp_path / "none"))("list", code=ERROR)
    assert not (tmp_path / "none").exists()


# -- the plain file -------------------------------------------------------------------------------------------------


def test_the_file_comes_out_as_it_went_in(arb: Arb, tmp_path: Path) -> None:
    arb("approve", NAME, OTHER)
    first = arb("export")
    file = tmp_path / "pairs.toml"
    arb("export", str(file))
    assert file.read_text() == first
    assert "nothing is written over" in arb("export", str(file), code=USAGE)

    again = Arb(ArbHome(tmp_path / "again"))
    said = again("import", str(file))

    assert "importing them is your approval" in said
    assert "The terms of 2 pairs are not known yet" in said
    assert again("export") == first
    assert "0 pairs" in again("import", str(file))


def test_a_file_with_the_outcomes_exchanged_is_latched_by_the_rules(arb: Arb, tmp_path: Path) -> None:
    file = tmp_path / "pairs.toml"
    file.write_text(
        f'[[pairs]]\npair_id = "mine"\nkalshi_market_ticker = "{NAME}"\npoly_yes_token = "111"\npoly_no_token = "222"\n'
    )
    arb("import", str(file))
    assert arb.states()["mine"] == "approved"

    assert "LATCHED     mine: the outcomes are the other way round" in arb("find", code=ERROR)
    assert arb.states()["mine"] == "latched"


def test_without_httpx_the_venues_cannot_be_read_and_it_says_so(arb: Arb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transport.pairs.kalshi_pages", None)

    assert "pip install 'arb[live]'" in arb("fetch", code=CONFIGURATION)


def test_a_store_of_this_home_is_readable_by_its_owner_alone(arb: Arb) -> None:
    assert (arb.home.path / "pairs.db").stat().st_mode & 0o077 == 0


# -- a controller on them -------------------------------------------------------------------------------------------


def settings_of(arb: Arb, **flags: str) -> Settings:
    return load_settings(flags, {}, arb.home)


def test_a_controller_takes_the_approved_pairs_where_no_file_is_named(arb: Arb) -> None:
    with pytest.raises(CliError, match="feed live needs pairs: approve some"):
        load_pairs(settings_of(arb, feed="live"))
    with pytest.raises(CliError, match="none is approved: see `arb pairs review`"):
        load_pairs(settings_of(arb, feed="live", pairs="approved"))
    assert load_pairs(settings_of(arb)) == list(DEFAULT_PAIRS)

    arb("approve", NAME, OTHER)
    arb.fetch(None, kalshi_game(**TORONTO, status="closed"))

    settings = settings_of(arb, feed="live")
    assert [pair.pair_id for pair in load_pairs(settings)] == [NAME]
    said = list(pairs_watch.greeting(settings))
    assert said[0].startswith("1 approved pairs, terms compared with the venues 0 s ago")
    assert said[1] == f"{OTHER} is approved and not traded: kalshi: closed, or not yet open"
    assert load_pairs(settings_of(arb)) == list(DEFAULT_PAIRS)


def test_a_check_that_reaches_no_venue_changes_nothing_and_says_so(
    arb: Arb, capsys: pytest.CaptureFixture[str]
) -> None:
    arb("approve", NAME)
    setup_logging(level="info", as_json=False)
    nobody = "http://127.0.0.1:1"

    pairs_watch.check(settings_of(arb, kalshi_rest_url=nobody, polymarket_url=nobody))

    said = capsys.readouterr().err
    assert "kalshi was not read, and what is stored of it stays as it was" in said
    assert "polymarket was not read" in said
    assert arb.states()[NAME] == "approved"


def test_found_pairs_do_not_keep_a_home_from_rehearsing(arb: Arb) -> None:
    own_home(settings_of(arb, rehearsal="yes"))

    assert (arb.home.path / MARK).exists()
