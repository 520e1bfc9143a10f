"""Flags over environment over file over defaults; every value knows its source, every wrong one its fix."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.address import Address
from config.error import ConfigError
from config.home import ArbHome
from config.load import load_file, load_settings
from config.settings import Settings, show
from config.sources import about, env_names
from config.write import to_toml

PORTS = st.integers(1, 65_535)
LAYERED = {
    "beacon_port": PORTS,
    "ws_port": PORTS,
    "min_edge_cents": st.decimals(0, 100, places=2),
    "websocket_url": st.sampled_from(["ws://a:1", "wss://b:2", "ws://[::1]:3"]),
    "feed": st.sampled_from(["sim", "live"]),
    "log_json": st.booleans(),
    "controller_platforms": st.sampled_from([("kalshi",), ("polymarket",), ("kalshi", "polymarket")]),
    "name": st.sampled_from(["a", "b-2", "C_3"]),
    "role": st.sampled_from(["controller", "trader"]),
}


@st.composite
def layers(draw: st.DrawFn) -> tuple[str, object, object, object]:
    name = draw(st.sampled_from(sorted(LAYERED)))
    values = st.none() | LAYERED[name]
    return name, draw(values), draw(values), draw(values)


def home_with(folder: Path, **values: object) -> ArbHome:
    home = ArbHome(folder)
    home.config_file.write_text(to_toml(values))
    return home


def problems(home: ArbHome, flags: dict[str, object] | None = None, env: dict[str, str] | None = None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_settings(flags, env or {}, home)
    return caught.value


@given(case=layers())
def test_the_highest_layer_that_speaks_wins_and_is_named(
    tmp_path_factory: pytest.TempPathFactory, case: tuple[str, object, object, object]
) -> None:
    name, in_file, in_env, in_flag = case
    variable, name_flag = env_names(name)[0], f"--{name.replace('_', '-')}"
    home = home_with(tmp_path_factory.getbasetemp(), **({} if in_file is None else {name: in_file}))
    settings = load_settings({name: in_flag}, {} if in_env is None else {variable: show(in_env)}, home)
    spoken = [
        (in_flag, f"flag {about(name).flag or name_flag}"),
        (in_env, f"environment {variable}"),
        (in_file, f"file {home.config_file}"),
        (Settings.model_fields[name].default, "default"),
    ]
    value, source = next((value, source) for value, source in spoken if value is not None or source == "default")
    assert (getattr(settings, name), settings.source(name)) == (value, source)


def test_without_anything_every_setting_is_at_its_default(tmp_path: Path) -> None:
    settings = load_settings({}, {}, ArbHome(tmp_path / "absent"))
    assert settings.model_dump() == Settings().model_dump()
    assert {settings.source(name) for name in Settings.model_fields} == {"default"}
    assert list(settings.chosen()) == []
    assert settings.warnings == ()
    assert not (tmp_path / "absent").exists()


def test_the_seeds_file_is_read(tmp_path: Path) -> None:
    home = ArbHome(tmp_path)
    home.config_file.write_text(
        'role = "controller"  # or "trader"\nbeacon_port = 9000  # UDP discovery port\nws_port = 9001\n'
    )
    settings = load_settings({}, {}, home)
    assert (settings.role, settings.beacon_port, settings.ws_port) == ("controller", 9000, 9001)
    assert settings.home == home


def test_a_source_is_asked_for_a_setting_only(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        load_settings({}, {}, ArbHome(tmp_path)).source("colour")


@pytest.mark.parametrize(
    ("flags", "env", "text", "words", "usage"),
    [
        ({}, {}, 'beacon_port = "x"', 'beacon_port = "x" in {file}: must be a whole number from 1 to 65535', False),
        ({}, {}, "beacon_port = true", "beacon_port = true in {file}: must be a whole number from 1 to 65535", False),
        ({}, {}, "bind = [1, 2]", "bind = [1, 2] in {file}: must be HOST:PORT, or several", False),
        ({}, {"WEBSOCKET_URL": "host"}, "",
         "WEBSOCKET_URL=host in the environment: must be a URL like ws://HOST:9001 or wss://HOST:9001", False),
        ({}, {"CONTROLLER_PLATFORMS": "kalshi,x"}, "",
         "CONTROLLER_PLATFORMS=kalshi,x in the environment: must be {platforms}", False),
        ({}, {"DRY_RUN": "maybe"}, "", "DRY_RUN=maybe in the environment: must be yes or no", False),
        ({"beacon_port": "ninety"}, {}, "", "--beacon-port ninety: must be a whole number from 1 to 65535", True),
        ({"bind": ["a:1", "b"]}, {}, "", "--bind a:1 b: must be HOST:PORT with a port from 0 to 65535", True),
        ({"controller_platforms": "x"}, {}, "", "--local x: must be {platforms}", True),
    ],
)  # fmt: skip
def test_a_wrong_value_names_its_source_and_the_fix(
    tmp_path: Path, flags: dict[str, object], env: dict[str, str], text: str, words: str, *, usage: bool
) -> None:
    home = ArbHome(tmp_path)
    home.config_file.write_text(text)
    error = problems(home, flags, env)
    platforms = 'a comma-separated list out of kalshi, polymarket; "x" is none of them'
    assert str(error) == words.format(file=home.config_file, platforms=platforms)
    assert error.usage is usage


def test_all_wrong_values_are_told_at_once(tmp_path: Path) -> None:
    error = problems(home_with(tmp_path, ws_port=0), {"speed": "fast"}, {"ARB_SEED": "-1"})
    assert [problem.split(":")[0] for problem in error.problems] == [
        f"ws_port = 0 in {tmp_path / 'config.toml'}",
        "--speed fast",
        "ARB_SEED=-1 in the environment",
    ]
    assert not error.usage


def test_a_wrong_value_that_is_overruled_stops_nobody(tmp_path: Path) -> None:
    assert load_settings({"ws_port": None, "beacon_port": 1}, {}, home_with(tmp_path, beacon_port="x")).beacon_port == 1


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        ("beacon_prot", "beacon_port"),
        ("websocket-url", "websocket_url"),
        ("Role", "role"),
        ("max_contract", "max_contracts"),
    ],
)
def test_an_unknown_name_in_the_file_is_refused_with_the_nearest(tmp_path: Path, wrong: str, nearest: str) -> None:
    home = home_with(tmp_path, **{wrong: 1})
    assert str(problems(home)) == f"{wrong} in {home.config_file} is no setting: did you mean {nearest}?"


def test_an_unknown_variable_is_a_warning_with_the_nearest(tmp_path: Path) -> None:
    settings = load_settings({}, {"ARB_BEACON_PROT": "1", "ARB_HOME": "x", "PATH": "y"}, ArbHome(tmp_path))
    assert settings.warnings == ("ARB_BEACON_PROT in the environment is no setting: did you mean ARB_BEACON_PORT?",)


def test_the_seeds_variable_comes_before_ours(tmp_path: Path) -> None:
    env = {"WEBSOCKET_URL": "ws://a:1", "ARB_WEBSOCKET_URL": "ws://b:1"}
    assert load_settings({}, env, ArbHome(tmp_path)).websocket_url == "ws://a:1"


def test_an_empty_variable_is_absent_but_no_platforms_are_an_answer(tmp_path: Path) -> None:
    home = home_with(tmp_path, controller_platforms=["kalshi"], websocket_url="ws://a:1")
    settings = load_settings({}, {"CONTROLLER_PLATFORMS": "", "WEBSOCKET_URL": " "}, home)
    assert (settings.controller_platforms, settings.websocket_url) == ((), "ws://a:1")


def test_a_path_in_the_file_is_relative_to_the_file(tmp_path: Path) -> None:
    home = home_with(tmp_path, pairs="p.toml", feed="replay:r.gz", tls_ca="/etc/ca.pem")
    settings = load_settings({}, {}, home)
    assert (settings.pairs, settings.feed_file, settings.tls_ca) == (
        tmp_path / "p.toml",
        tmp_path / "r.gz",
        Path("/etc/ca.pem"),
    )
    typed = load_settings({"pairs": "p.toml", "feed": "replay:r.gz"}, {}, home)
    assert (typed.pairs, typed.feed_file) == (Path("p.toml"), Path("r.gz"))


def test_the_approved_pairs_are_no_file(tmp_path: Path) -> None:
    home = home_with(tmp_path, pairs="approved")
    assert load_settings({}, {}, home).pairs == "approved"
    assert load_settings({"pairs": "./approved"}, {}, home).pairs == Path("approved")
    assert load_settings({}, {"ARB_PAIRS": "approved"}, ArbHome(tmp_path / "other")).pairs == "approved"


def test_a_bind_flag_may_be_repeated(tmp_path: Path) -> None:
    settings = load_settings({"bind": ["127.0.0.1:0", "[::1]:9001"]}, {}, ArbHome(tmp_path))
    assert settings.bind == (Address("127.0.0.1", 0), Address("::1", 9001))
    assert load_settings({"bind": []}, {}, ArbHome(tmp_path)).bind is None


@pytest.mark.parametrize(
    ("flags", "env", "in_file", "dry", "by"),
    [
        ({}, {}, {}, True, "default"),
        ({"live": True}, {}, {}, False, "flag --live"),
        ({}, {"ARB_LIVE": "yes"}, {}, False, "environment ARB_LIVE"),
        ({}, {}, {"live": True}, False, "file"),
        ({"live": True}, {"DRY_RUN": "yes"}, {}, True, "environment DRY_RUN"),
        ({"live": True}, {"DRY_RUN": "1"}, {}, True, "environment DRY_RUN"),
        ({"live": True}, {}, {"dry_run": True}, True, "file"),
        ({"live": True}, {"DRY_RUN": "no"}, {"dry_run": True}, False, "flag --live"),
        ({"live": True}, {"DRY_RUN": ""}, {}, False, "flag --live"),
        ({}, {"DRY_RUN": "no"}, {}, True, "default"),
        ({}, {"DRY_RUN": "0"}, {"live": False}, True, "file"),
        ({"live": False}, {}, {"live": True}, True, "flag --dry-run"),
        ({"live": False}, {"ARB_LIVE": "yes", "DRY_RUN": "no"}, {}, True, "flag --dry-run"),
    ],
)
def test_dry_unless_live_is_asked_for_and_nothing_asks_for_dry(
    tmp_path: Path, flags: dict[str, object], env: dict[str, str], in_file: dict[str, object], *, dry: bool, by: str
) -> None:
    home = home_with(tmp_path, **in_file)
    settings = load_settings(flags, env, home)
    assert settings.dry_run is dry
    assert settings.dry_run_by == by.replace("file", f"file {home.config_file}")


@pytest.mark.parametrize(
    ("flags", "env", "warning"),
    [
        ({"live": True}, {"DRY_RUN": "yes"}, "flag --live is overruled by environment DRY_RUN: this is a dry run"),
        (
            {},
            {"DRY_RUN": "no"},
            "environment DRY_RUN says no, but only --live (or live = true) trades live: this is a dry run",
        ),
    ],
)
def test_a_wish_that_loses_is_told(tmp_path: Path, flags: dict[str, object], env: dict[str, str], warning: str) -> None:
    assert load_settings(flags, env, ArbHome(tmp_path)).warnings == (warning,)


def test_settings_made_directly_are_dry() -> None:
    assert Settings(live=True).dry_run


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().beacon_port = 1


@pytest.mark.parametrize(
    ("flags", "limit"),
    [
        ({}, Decimal(30)),
        ({"feed": "live"}, Decimal(30)),
        ({"feed": "replay:x"}, None),
        ({"feed": "replay:x", "max_silence_s": "2.5"}, Decimal("2.5")),
        ({"feed": "live", "max_silence_s": "0"}, None),
    ],
)
def test_silence_is_limited_except_in_a_replay_that_does_not_ask(
    tmp_path: Path, flags: dict[str, object], limit: Decimal | None
) -> None:
    assert load_settings(flags, {}, ArbHome(tmp_path)).silence_limit_s == limit


def test_a_token_in_the_configuration_is_refused_with_the_fix(tmp_path: Path) -> None:
    error = problems(home_with(tmp_path, token="hunter2"))
    fix = "keep it in a file of its own (chmod 600) and name that file as token_file"
    assert str(error) == f"token in {tmp_path / 'config.toml'}: {fix}"


def test_the_token_comes_from_its_file_and_the_environment_overrules_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-the-file\n")
    (tmp_path / "secret").chmod(0o600)
    home = home_with(tmp_path, token_file="secret")
    settings = load_settings({}, {}, home)
    assert settings.token is not None
    assert settings.token.get_secret_value() == "from-the-file"
    assert settings.source("token") == f"file {tmp_path / 'secret'}"
    overruled = load_settings({}, {"ARB_TOKEN": "from-the-environment"}, home)
    assert overruled.token is not None
    assert overruled.token.get_secret_value() == "from-the-environment"


def test_no_secret_is_shown_in_what_was_chosen_or_complained_of(tmp_path: Path) -> None:
    settings = load_settings({}, {"ARB_TOKEN": "hunter2"}, ArbHome(tmp_path))
    assert list(settings.chosen()) == [("token", "***", "environment ARB_TOKEN")]
    assert "hunter2" not in repr(settings)
    error = problems(ArbHome(tmp_path), {}, {"ARB_TOKEN": "hunter2 x", "WEBSOCKET_URL": "ws://me:hunter2@host"})
    assert len(error.problems) == 2
    assert "hunter2" not in str(error)


@pytest.mark.parametrize(("one", "other"), [("tls_cert", "tls_key"), ("tls_key", "tls_cert")])
def test_certificate_and_key_come_together(tmp_path: Path, one: str, other: str) -> None:
    error = problems(home_with(tmp_path, **{one: "x.pem"}))
    assert str(error) == f'{one} = "x.pem" in {tmp_path / "config.toml"} needs {other} beside it: set both, or neither'


def test_a_file_is_judged_without_flags_and_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARB_WS_PORT", "nonsense")
    assert load_file(home_with(tmp_path, ws_port=1).config_file) == {"ws_port": 1}
    with pytest.raises(ConfigError, match="ws_port = 0"):
        load_file(home_with(tmp_path, ws_port=0).config_file)


@given(text=st.text(max_size=60))
def test_a_complaint_is_one_printable_line(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    home = ArbHome(tmp_path_factory.getbasetemp() / "absent")
    with pytest.raises(ConfigError) as caught:
        load_settings({}, {"ARB_SEED": f"x{text}"}, home)
    assert str(caught.value).isprintable()


def test_the_table_of_risk_is_read_under_its_own_names(tmp_path: Path) -> None:
    home = ArbHome(tmp_path)
    home.config_file.write_text('ws_port = 9002\n\n[risk]\npair_usd = 10\nconfirm = "all"\n')
    settings = load_settings(env={"ARB_RISK_TOTAL_USD": "100"}, home=home)
    assert (settings.risk_pair_usd, settings.risk_total_usd) == (Decimal(10), Decimal(100))
    assert settings.risk_confirm == "all"
    assert settings.source("risk_pair_usd") == f"file {home.config_file}"


def test_what_is_wrong_in_the_table_of_risk_is_named_as_it_is_written(tmp_path: Path) -> None:
    home = ArbHome(tmp_path)
    home.config_file.write_text("[risk]\npear_usd = 10\n")
    with pytest.raises(ConfigError, match=r"risk.pear_usd in .* is no setting: did you mean risk.pair_usd"):
        load_settings(env={}, home=home)
    home.config_file.write_text("[risk]\npair_usd = -1\n")
    with pytest.raises(ConfigError, match=r"risk.pair_usd = -1 in .*: must be a number from 0"):
        load_settings(env={}, home=home)
