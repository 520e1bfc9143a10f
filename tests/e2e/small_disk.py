"""A disk that fills up: a small file system in a namespace of its own, or a limit on the size of a process's files."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from tests.e2e.processes import PATIENCE_S, Arb
from tests.ground.project import ROOT

KIB: Final = 1_024
FILLER: Final = "filler"


UNSHARE: Final = shutil.which("unshare") or ""
NSENTER: Final = shutil.which("nsenter") or ""


def may_mount() -> bool:
    """Whether namespaces and mounts in them are allowed here."""
    if not (UNSHARE and NSENTER):
        return False
    words = (UNSHARE, "-rm", "mount", "-t", "tmpfs", "-o", "size=64k", "none", "/mnt")
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


class SmallDisk:
    """A folder on a disk of so many KiB. Processes that are started :attr:`through` it see it at ``folder``.

    Everybody else sees it at :attr:`seen`. It is gone, with all that is on it, when the block ends.
    """

    def __init__(self, folder: Path, size_kib: int) -> None:
        self.folder = folder
        script = 'mount -t tmpfs -o "size=$1k,mode=700" none "$2" && echo ready && exec cat'
        self.holder = subprocess.Popen(
            [UNSHARE, "-rm", "sh", "-c", script, "sh", str(size_kib), str(folder)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.holder.stdout is not None
        assert self.holder.stdout.readline() == "ready\n"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self.holder:
            assert self.holder.stdin is not None
            self.holder.stdin.close()
            self.holder.wait(PATIENCE_S)

    @property
    def through(self) -> tuple[str, ...]:
        """The command that starts another where this disk is."""
        return (NSENTER, "--target", str(self.holder.pid), "--user", "--mount", "--preserve-credentials", "--wd")

    @property
    def seen(self) -> Path:
        """The folder from outside."""
        return Path(f"/proc/{self.holder.pid}/root{self.folder}")

    @property
    def free(self) -> int:
        """Bytes that still fit."""
        stat = os.statvfs(self.seen)
        return stat.f_bavail * stat.f_frsize

    def fill(self, leave: int, _process: Arb) -> None:
        """Let something else take all of it but so many bytes."""
        # Who writes meanwhile may leave less than was asked for: full all the same.
        with suppress(OSError), (self.seen / FILLER).open("ab", buffering=0) as out:
            out.write(bytes(max(0, self.free - leave)))

    def clean(self) -> None:
        """Take that away again."""
        (self.seen / FILLER).unlink()


class FileLimit:
    """The same for one process, where no file system may be made: none of its files grows beyond its largest one."""

    through = ()

    def __init__(self, folder: Path) -> None:
        self.folder = self.seen = folder

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was made."""

    def fill(self, leave: int, process: Arb) -> None:
        """Let the largest file grow by so many bytes, and no further."""
        largest = max(path.stat().st_size for path in self.folder.glob("*.db*"))
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (largest + leave, hard))

    def clean(self) -> None:
        """The next process has no limit."""
