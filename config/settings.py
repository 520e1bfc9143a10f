"""Every setting, in one model: its kind, default, meaning and names.

The values come together in `config/load.py`; the table in `docs/configuration.md` is made from this file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, PrivateAttr, SecretStr

from config import kinds
from config.about import About
from config.address import Address
from config.alerts import TABLE as ALERTS
from config.alerts import AlertSettings
from config.discovery import TABLE as DISCOVERY
from config.discovery import DiscoverySettings
from config.feeds import TABLE as FEEDS
from config.feeds import FeedSettings
from config.home import ArbHome
from config.kalshi import TABLE as KALSHI
from config.kalshi import KalshiSettings
from config.polymarket import TABLE as POLYMARKET
from config.polymarket import PolymarketSettings
from config.risk import TABLE as RISK
from config.risk import RiskSettings
from protocol.terms import PLATFORMS

TABLES: Final = (FEEDS, KALSHI, POLYMARKET, RISK, ALERTS, DISCOVERY)
"""How the names of settings begin that have a table of their own in the file."""

DEFAULT_SILENCE_S: Final = Decimal(30)

DAY_MS: Final = 24 * 60 * 60 * 1000

Port = Annotated[int, kinds.whole(1, 65_535)]
Millis = Annotated[int, kinds.whole(1, DAY_MS)]
YesNo = Annotated[bool, kinds.yes_no()]
File = Annotated[Path | None, kinds.path()]


class Settings(FeedSettings, KalshiSettings, PolymarketSettings, RiskSettings, AlertSettings, DiscoverySettings):
    """All settings of a process, immutable. Made by :func:`config.load.load_settings`, which knows the sources.

    ``dry_run`` is the decision, not the wish: true unless trading live was asked for and nothing asked for a dry
    run. :attr:`dry_run_by` says which source decided. A ``Settings(...)`` made directly is dry.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Annotated[
        Literal["controller", "trader"] | None,
        kinds.choice("controller", "trader"),
        About("What `arb run` starts when it is not told."),
    ] = None

    # Discovery and link
    beacon_port: Annotated[
        Port, About("UDP port of the beacon by which traders find their controller.", flag="--beacon-port")
    ] = 9000
    ws_port: Annotated[
        Port, About("Port of the controller's WebSocket on 127.0.0.1 and this machine's Tailscale addresses.")
    ] = 9001
    bind: Annotated[
        tuple[Address, ...] | None,
        kinds.addresses(),
        About(
            "Where the controller listens, instead of `ws_port`. Beyond loopback and Tailscale it needs a token "
            "or `insecure`.",
            flag="--bind",
            default="as `ws_port` says",
        ),
    ] = None
    websocket_url: Annotated[
        str | None,
        kinds.websocket_url(),
        About(
            "The controller's URL; a trader that has it listens for no beacon.", flag="--url", env=("WEBSOCKET_URL",)
        ),
    ] = None
    beacon_addresses: Annotated[
        tuple[str, ...],
        kinds.hosts(),
        About("Whom the controller sends its beacon when Tailscale is not running.", default="broadcast"),
    ] = ()
    token_file: Annotated[
        File, About("File with the token of the link, readable by its owner alone (`chmod 600`).")
    ] = None
    token: Annotated[
        SecretStr | None,
        kinds.secret(),
        About("The token itself, for those who keep secrets in the environment.", in_file=False),
    ] = None
    insecure: Annotated[YesNo, About("Let anyone connect without a token, from any network.", flag="--insecure")] = (
        False
    )
    tls_cert: Annotated[File, About("Certificate (PEM) with which the controller serves `wss://`.")] = None
    tls_key: Annotated[File, About("Private key (PEM) of `tls_cert`.")] = None
    tls_ca: Annotated[
        File, About("Certificate authority (PEM) that a trader trusts for `wss://`.", default="the system's")
    ] = None
    heartbeat_ms: Annotated[
        int,
        kinds.whole(10, 3_600_000),
        About("Each end pings after this much silence of its own, and drops the link after three times as much."),
    ] = 5_000

    reconcile_every_s: Annotated[
        int,
        kinds.whole(0, 24 * 3_600),
        About("How often the venues' accounts are compared with the ledger (docs/reconciliation.md); 0: never."),
    ] = 60

    # Whether it is for real
    live: Annotated[
        YesNo,
        About(
            "Trade for real. Both ends must say so; one end that is dry makes both dry.",
            flag="--live",
            no_flag="--dry-run",
        ),
    ] = False
    dry_run: Annotated[
        YesNo,
        About(
            "`yes` keeps both ends dry, whatever `live` says. `no` alone does not trade live.",
            env=("DRY_RUN",),
            default="yes, unless `live`",
        ),
    ] = True

    rehearsal: Annotated[
        YesNo,
        About(
            "With `live`, all as if for real, against `arb exchange kalshi` and `arb exchange polymarket` on this "
            "machine. All ends must say so, each in an `ARB_HOME` that has seen no real trade.",
            flag="--rehearsal",
        ),
    ] = False

    # Controller
    controller_platforms: Annotated[
        tuple[str, ...],
        kinds.platforms(PLATFORMS, empty=True),
        About(
            "Platforms that the controller executes itself.",
            flag="--local",
            env=("CONTROLLER_PLATFORMS",),
            default="none: a pure router",
        ),
    ] = ()
    pairs: Annotated[
        Path | Literal["approved"] | None,
        kinds.pairs(),
        About(
            "The pairs to watch: a file, or those that a person approved (docs/pairs.md).",
            flag="--pairs",
            default="those of the simulated market; otherwise the approved ones, where there are any",
        ),
    ] = None
    feed: Annotated[
        str, kinds.feed(), About("Market data: simulated, the venues' own, or a recording.", flag="--feed")
    ] = "sim"
    speed: Annotated[
        Decimal,
        kinds.decimal(1_000_000, 6, zero=True),
        About("How many times as fast as life a recording runs; 0 is as fast as it can.", flag="--speed"),
    ] = Decimal(1)
    seed: Annotated[
        int,
        kinds.whole(0, 2**63 - 1),
        About("Seed of the simulated market: the same seed, the same market.", flag="--seed"),
    ] = 1
    exit_at_end: Annotated[
        YesNo,
        About(
            "Stop the controller when the recording has ended; with exit code 1 if it broke off.", flag="--exit-at-end"
        ),
    ] = False
    max_silence_s: Annotated[
        Decimal | None,
        kinds.decimal(86_400, 3, zero=True),
        About(
            "A feed silent for longer makes its books unusable; 0 is no limit.",
            flag="--max-silence",
            default=f"{DEFAULT_SILENCE_S}; no limit in a replay",
        ),
    ] = None
    min_edge_cents: Annotated[
        Decimal,
        kinds.decimal(100, 4, zero=True),
        About("Least edge of the marginal contract after all fees, in cents.", flag="--min-edge"),
    ] = Decimal(1)
    max_contracts: Annotated[
        Decimal | None,
        kinds.decimal(100_000_000, 2, zero=False),
        About("Most contracts of one trade.", flag="--max-contracts", default="no limit"),
    ] = None
    order_ttl_ms: Annotated[
        Millis, About("A leg not executed this long after it was sent is refused by the trader.")
    ] = 2_000
    leg_timeout_ms: Annotated[Millis, About("A leg without an answer for this long counts as unknown.")] = 5_000
    max_unwind_loss_usd: Annotated[
        Decimal,
        kinds.decimal(1_000_000, 6, zero=True),
        About("The most that closing an excess may lose, in dollars of one trade; above that it stays naked, flagged."),
    ] = Decimal(5)
    dispatch: Annotated[
        str,
        kinds.dispatch(PLATFORMS),
        About(
            "`together`, or `first:PLATFORM`: that platform's leg leaves first, the other is sized from its fill.",
            flag="--dispatch",
        ),
    ] = "together"
    ledger_url: Annotated[
        SecretStr | None,
        kinds.ledger_url(),
        About(
            "Where the ledger is kept: a file, or a PostgreSQL server (`pip install 'arb[postgresql]'`). It may hold a "
            "password, so it is never shown; better, leave that to `~/.pgpass`.",
            default="the file `ledger.db` in `ARB_HOME`",
        ),
    ] = None

    # Trader
    platforms: Annotated[
        tuple[str, ...],
        kinds.platforms(PLATFORMS, empty=False),
        About("Platforms that the trader executes.", flag="--platform"),
    ] = PLATFORMS
    venue: Annotated[
        Literal["paper", "live"],
        kinds.choice("paper", "live"),
        About("Where the trader's orders go: a simulated venue, or the real one.", flag="--venue"),
    ] = "paper"
    paper_cash_usd: Annotated[
        Decimal | None,
        kinds.decimal(1_000_000_000, 6, zero=True),
        About(
            "The cash with which the account of each paper venue began, in dollars. What it buys comes off, what it "
            "sells is added; a market that settles pays nothing back.",
            default="no end of it",
        ),
    ] = None
    max_leg_notional_usd: Annotated[
        Decimal,
        kinds.decimal(1_000_000_000, 6, zero=False),
        About("The trader refuses a leg that could cost more, in dollars.", flag="--max-leg-notional"),
    ] = Decimal(1_000)
    max_hour_notional_usd: Annotated[
        Decimal | None,
        kinds.decimal(1_000_000_000, 6, zero=False),
        About(
            "The trader refuses legs that together could cost more within any 60 minutes, in dollars.",
            default="no limit",
        ),
    ] = None
    max_orders_per_second: Annotated[
        int | None,
        kinds.whole(1, 10_000),
        About("The trader refuses more orders to one platform within any second.", default="no limit"),
    ] = None
    min_price_cents: Annotated[
        Decimal,
        kinds.decimal(100, 2, zero=True),
        About("The trader refuses a leg with a limit below this many cents."),
    ] = Decimal(0)
    max_price_cents: Annotated[
        Decimal,
        kinds.decimal(100, 2, zero=False),
        About("The trader refuses a leg with a limit above this many cents."),
    ] = Decimal(100)
    markets: Annotated[
        tuple[str, ...] | None,
        kinds.markets(),
        About("The only markets that the trader takes legs of; both sides' tokens, for Polymarket.", default="any"),
    ] = None
    name: Annotated[
        str | None, kinds.name(), About("The trader's name among the traders of this machine.", flag="--name")
    ] = None
    max_clock_offset_ms: Annotated[
        Millis, About("The trader refuses legs while the controller's clock and its own are further apart.")
    ] = 1_000
    journal_days: Annotated[
        int,
        kinds.whole(1, 36_500),
        About(
            "At its start a trader reduces legs that were settled and acknowledged this many days ago to their id and "
            "what was filled. An id is known for ever."
        ),
    ] = 90
    one_shot: Annotated[
        YesNo,
        About(
            "The trader ends after it has answered its first leg: the smoke test of an installation.",
            flag="--one-shot",
            env=("ONE_SHOT",),
        ),
    ] = False

    # Log
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        kinds.choice("debug", "info", "warning", "error"),
        About("Least level of a line that is logged.", flag="--log-level"),
    ] = "info"
    log_json: Annotated[YesNo, About("Log one JSON object a line.", flag="--log-json")] = False

    _sources: Mapping[str, str] = PrivateAttr(default_factory=dict)
    _warnings: tuple[str, ...] = PrivateAttr(default=())
    _home: ArbHome | None = PrivateAttr(default=None)

    def source(self, name: str) -> str:
        """Where a setting's value is from: ``flag --bind``, ``environment DRY_RUN``, ``file PATH`` or ``default``."""
        if name not in type(self).model_fields:
            raise KeyError(name)
        return self._sources.get(name, "default")

    def remember(self, *, sources: Mapping[str, str], warnings: tuple[str, ...], home: ArbHome) -> None:
        """Note where the values are from; for whoever loads the settings, once."""
        self._sources, self._warnings, self._home = dict(sources), warnings, home

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was given and has no effect, a sentence each; to be logged at the start."""
        return self._warnings

    @property
    def home(self) -> ArbHome:
        """The directory that the settings were read from."""
        return self._home if self._home is not None else ArbHome.from_environment()

    @property
    def dry_run_by(self) -> str:
        """The source that decided :attr:`dry_run`."""
        return self.source("dry_run")

    @property
    def dispatch_first(self) -> str | None:
        """The platform whose leg leaves first, None when all leave together."""
        return self.dispatch.removeprefix("first:") if self.dispatch.startswith("first:") else None

    @property
    def ledger(self) -> str:
        """The ledger's URL, by default of a file at home. It may hold a password: not for a log."""
        return (
            f"sqlite:///{self.home.path}/ledger.db" if self.ledger_url is None else self.ledger_url.get_secret_value()
        )

    @property
    def feed_file(self) -> Path | None:
        """The recording of a ``replay:`` feed, else None."""
        return Path(self.feed.removeprefix(kinds.FEED_FILE)) if self.feed.startswith(kinds.FEED_FILE) else None

    @property
    def silence_limit_s(self) -> Decimal | None:
        """The limit on a feed's silence that holds; None is no limit. A replay has one only when asked for."""
        if self.max_silence_s is not None:
            return self.max_silence_s or None
        return None if self.feed_file else DEFAULT_SILENCE_S

    def chosen(self) -> Iterator[tuple[str, str, str]]:
        """Name, value and source of each setting that is not at its default; a secret shows as ``***``."""
        for name in setting_names():
            if self.source(name) != "default":
                yield name, show(getattr(self, name)), self.source(name)


def setting_names() -> tuple[str, ...]:
    """All settings in the order of the documentation: those of a table come last, table by table."""
    return tuple(sorted(Settings.model_fields, key=lambda name: [name.startswith(table) for table in TABLES]))


def show(value: Any) -> str:  # noqa: ANN401 -- any setting's value
    """Return a setting's value as it would be typed; a secret as ``***``."""
    match value:
        case bool():
            return "yes" if value else "no"
        case SecretStr():
            return "***"
        case None:
            return "none"
        case Address():
            return str(value)
        case tuple():
            return ",".join(show(item) for item in value) or "none"
        case _:
            return str(value)
