"""Where files live: the directory ``ARB_HOME`` (``~/.arb``), and what is in it."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.error import ConfigError

_ID: Final = re.compile(r"[A-Za-z0-9_.:+=-]{1,64}", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ArbHome:
    """The directory of one user's configuration, ids and running processes. Nothing is created until asked for."""

    path: Path

    @classmethod
    def from_environment(cls, env: Mapping[str, str] | None = None) -> ArbHome:
        """Return the home that ``ARB_HOME`` names, else ``~/.arb``; always absolute. Raises :class:`ConfigError`."""
        given = (os.environ if env is None else env).get("ARB_HOME", "").strip()
        try:
            return cls(Path(given or "~/.arb").expanduser().absolute())
        except (RuntimeError, OSError) as error:
            raise ConfigError(f"no home directory found ({error}): set ARB_HOME to a directory of yours") from None

    @property
    def config_file(self) -> Path:
        """The configuration, which need not exist."""
        return self.path / "config.toml"

    @property
    def run_dir(self) -> Path:
        """Sockets of running processes; see :meth:`ensure_run_dir`."""
        return self.path / "run"

    def ensure(self) -> Path:
        """Return the home directory, created for this user alone where it was missing. Raises :class:`ConfigError`."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"cannot create {self.path} ({_reason(error)}): set ARB_HOME elsewhere") from None
        return self.path

    def ensure_run_dir(self) -> Path:
        """Return the directory of sockets, which nobody but this user can enter. Raises :class:`ConfigError`."""
        self.ensure()
        run = self.run_dir
        try:
            run.mkdir(mode=0o700, exist_ok=True)
            found = run.lstat()
            # A link or another user's directory would hand our sockets to whoever made it.
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
                raise ConfigError(f"{run} is not a directory of this user: remove it, or set ARB_HOME elsewhere")
            if stat.S_IMODE(found.st_mode) != 0o700:  # noqa: PLR2004 -- a mode is best read as octal
                run.chmod(0o700)
        except OSError as error:
            raise ConfigError(f"cannot use {run} ({_reason(error)}): set ARB_HOME elsewhere") from None
        return run

    def socket(self, process: str) -> Path:
        """Path of a process's status socket: ``controller`` or ``trader-NAME``. Whoever binds it checks its length."""
        return self.run_dir / f"{_checked(process)}.sock"

    def sockets(self) -> list[Path]:
        """Every status socket that lies there, the controller's first; a dead process may have left one behind."""
        found = [
            path for path in self.run_dir.glob("*.sock") if path.stem.partition("-")[0] in {"controller", "trader"}
        ]
        return sorted(found, key=lambda path: path.name)

    def durable_id(self, which: str, proposed: str) -> str:
        """Return the id kept in the file ``which``; the first call ever keeps ``proposed`` and returns it.

        Two processes that call at once get the same id. Raises :class:`ConfigError` where the file holds no id.
        """
        file = self.ensure() / _checked(which)
        if not _ID.fullmatch(proposed):
            raise ValueError(f"not an id: {proposed!r}")
        try:
            if not file.exists():
                _keep(file, proposed)
            kept = file.read_bytes()[:256].decode("ascii", "replace").strip()
        except OSError as error:
            raise ConfigError(f"cannot keep {file} ({_reason(error)}): make {self.path} writable") from None
        if not _ID.fullmatch(kept):
            raise ConfigError(f"{file} does not hold an id: remove it, and a new one is made")
        return kept


def _keep(file: Path, text: str) -> None:
    """Create ``file`` whole or not at all; one that appeared meanwhile is left as it is."""
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as out:
            out.write(f"{text}\n")
            out.flush()
            os.fsync(out.fileno())
        # A link, unlike a rename, does not replace what another process has just put there.
        with contextlib.suppress(FileExistsError):
            os.link(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a file name: {name!r}")
    return name


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
