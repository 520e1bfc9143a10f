"""The table of every setting, made from the model: ``python -m config.reference > docs/configuration.md``."""

from __future__ import annotations

import sys
from typing import Final

from pydantic import SecretStr

from config.settings import Settings, setting_names, show
from config.sources import about, env_names, file_name, kind

_INTRO: Final = """\
# Configuration

*Made by `python -m config.reference` from `config/settings.py`; a test keeps it so.*

Everything has a default that works on one machine without a key. A value is taken from the first of these that has it:

1. a flag of the command,
2. the environment,
3. `~/.arb/config.toml`,
4. the default.

`ARB_HOME` names another directory than `~/.arb`. `arb bootstrap` writes the file, and a text editor changes it:

```toml
role = "controller"
beacon_port = 9000
ws_port = 9001
feed = "replay:recordings/tuesday.jsonl.gz"   # paths are relative to this file
controller_platforms = ["kalshi"]             # or "kalshi"
min_edge_cents = 0.5

[risk]                                        # what is named risk.* below; tables come last
pair_usd = 10
total_usd = 100
daily_loss_usd = 100

[kalshi]                                      # for `--venue live`: see docs/kalshi.md
key_id = "a952bcbe-ec3b-4b5b-b8f9-11dae589608c"
key_file = "kalshi.pem"                       # chmod 600

[polymarket]                                  # the same of Polymarket: see docs/polymarket.md
key_file = "polymarket.hex"                   # chmod 600
wallet_kind = "deposit"

[alerts]
urls = ["ntfy://a-topic-of-my-own"]           # see docs/alerts.md
```

A wrong value stops the command with exit code 4 (2 where it was typed as a flag), and the message names the value, its
source and what it must be. So does a name in the file that is no setting. A variable that begins with `ARB_` and is no
setting is only warned of. An empty variable counts as absent, except that `CONTROLLER_PLATFORMS=` means none.

## Dry or live

A run is dry unless trading live was asked for (`--live`, `ARB_LIVE=yes`, or `live = true` in the file) **and** nothing
asks for a dry run. `DRY_RUN=yes` (or `dry_run = true`) wins over `--live`. `DRY_RUN=no` alone does not trade live.
`--dry-run` is the opposite of `--live` and overrules the environment's and the file's `live`. The other end has a say
of its own: a trade is live only where both ends are.

## The token and the keys

The link's token is read from `token_file`, which nobody but its owner may read (`chmod 600`), or from `ARB_TOKEN`,
which overrules it. The venues' private keys are in `kalshi.key_file` and `polymarket.key_file`, under the same rule; a
wallet's may be in the system's keyring. No flag takes any of them, for every user of a machine can read a command
line, and no log line shows them.

## Settings

"""


def configuration_markdown() -> str:
    """Return ``docs/configuration.md``."""
    rows = [
        "| setting | must be | default | flag | environment | meaning |",
        "|---|---|---|---|---|---|",
        *map(_row, setting_names()),
    ]
    return _INTRO + "\n".join(rows) + "\n"


def _row(name: str) -> str:
    said = about(name)
    cells = (
        f"`{file_name(name)}`" + ("" if said.in_file else " (not in the file)"),
        kind(name).phrase,
        said.default or _default(name),
        ", ".join(f"`{flag}`" for flag in (said.flag, said.no_flag) if flag),
        ", ".join(f"`{variable}`" for variable in env_names(name)),
        said.meaning,
    )
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _default(name: str) -> str:
    value = Settings.model_fields[name].default
    return "none" if value is None or isinstance(value, SecretStr) else f"`{show(value)}`"


if __name__ == "__main__":
    sys.stdout.write(configuration_markdown())
